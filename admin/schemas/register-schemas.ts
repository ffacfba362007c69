// Registers every record's newest schema: a step of `migrate`, never a side effect of serving.
import { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { TOPICS_OF_RECORD } from '../../contracts/event-record.ts';
import { type AvroRecord, readAvroRecords, subjectOf } from '../../platform/avro/avro-schemas.ts';
import { asAvro, createRegistryClient } from '../../platform/avro/schema-registry.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import type { RegistrySettings } from '../../platform/connections/registry-settings.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import { createRegistryApi, type RegistryApi } from './registry-api.ts';

/** The level of every subject: each version reads what every other version wrote. */
export const REQUIRED_LEVEL = COMPATIBILITY.FULL_TRANSITIVE;

const CONFLICT = 409;
const TRIES = 4;
const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 1_000 };

/** What was done for one subject, and the version and schema id that it has now. */
export type SubjectReport = {
  subject: string;
  kind: 'registered' | 'existing';
  version: number;
  id: number;
};

/** The records of schemas/ with their topics: what tools and tests give to the codec. */
export function readOwnSchemas(): AvroRecord[] {
  return readAvroRecords(new URL('../../schemas/', import.meta.url), TOPICS_OF_RECORD);
}

/**
 * Sets FULL_TRANSITIVE on every subject and registers what is missing. Safe to repeat.
 * @throws AppError SCHEMA_INCOMPATIBLE with the registry's reason, REGISTRY_UNAVAILABLE
 */
export async function registerSchemas(
  registry: RegistrySettings,
  topicPrefix: string,
  records: readonly AvroRecord[],
): Promise<SubjectReport[]> {
  const api = createRegistryApi(registry);
  const client = createRegistryClient(registry);
  const subjects = records.flatMap(({ topics, schema }) =>
    topics.map((topic) => ({ subject: subjectOf(`${topicPrefix}${topic}`, schema), schema })),
  );
  return Promise.all(
    subjects.map(({ subject, schema }) =>
      retryWhileAway(() => registerOne(api, client, subject, schema)),
    ),
  );
}

/** A registry that has just started may take longer for its first answers than anybody waits for one. */
async function retryWhileAway<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'REGISTRY_UNAVAILABLE';
      if (!isAway || tries === TRIES) throw error;
      await pause(backoffMs(RETRY, tries - 1));
    }
  }
}

async function registerOne(
  api: RegistryApi,
  client: ReturnType<typeof createRegistryClient>,
  subject: string,
  schema: AvroRecord['schema'],
): Promise<SubjectReport> {
  // Before the registration: the client refuses when the level is another one than it is given.
  // For a first version it sets the level itself, afterwards.
  const level = await api.levelOf(subject);
  if (level !== null && level !== REQUIRED_LEVEL) await api.setLevel(subject, REQUIRED_LEVEL);
  const before = await api.find(subject, schema);
  if (before === null) {
    await client
      .register(asAvro(schema), { subject, compatibility: REQUIRED_LEVEL })
      .catch((cause: unknown) => {
        throw refusalOf(subject, cause);
      });
  }
  if ((await api.levelOf(subject)) !== REQUIRED_LEVEL) {
    await api.setLevel(subject, REQUIRED_LEVEL);
  }
  const found = before ?? (await api.find(subject, schema));
  if (found === null) {
    throw new AppError('SCHEMA_UNKNOWN', `${subject} was registered, but is not found`);
  }
  const { id, version } = found;
  return { subject, kind: before === null ? 'registered' : 'existing', version, id };
}

function refusalOf(subject: string, cause: unknown): AppError {
  const { status } = cause as { status?: unknown };
  return status === CONFLICT
    ? new AppError('SCHEMA_INCOMPATIBLE', `${subject} is refused: ${messageOf(cause)}`, {
        cause,
        retriable: false,
      })
    : new AppError('REGISTRY_UNAVAILABLE', `${subject} not registered: ${messageOf(cause)}`, {
        cause,
        retriable: true,
      });
}
