// Pins every schema id that an event may be written under in the log, before one is: a step of `migrate`.
import { SCHEMAS_TOPIC } from '../../contracts/topics.ts';
import { comparePins } from '../../platform/avro/schema-ids.ts';
import {
  avroTypeOf,
  createPinsReader,
  type SchemaPin,
  toPinRecord,
  typesOfPins,
} from '../../platform/avro/schema-pins.ts';
import type { RegistrySettings } from '../../platform/connections/registry-settings.ts';
import { AppError } from '../../platform/errors.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { createProducer, demandOffsets } from '../../platform/kafka/producer.ts';
import type { SubjectReport } from './register-schemas.ts';
import { createRegistryApi } from './registry-api.ts';

export type PinParts = { kafka: KafkaClient; registry: RegistrySettings; topicPrefix: string };

const WRITE_LIMIT_MS = 30_000;

/**
 * The registry has every pinned schema under its id.
 * @throws AppError SCHEMA_MISMATCH (not retriable) when it has not, REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE
 */
export async function requirePinnedIds({ kafka, registry, topicPrefix }: PinParts): Promise<void> {
  const readPins = createPinsReader(kafka, topicPrefix + SCHEMAS_TOPIC);
  const { different, missing } = await comparePins(registry, readPins);
  const faults = [
    ...(different.length > 0 ? [`has another schema under ${different.join(', ')}`] : []),
    ...(missing.length > 0 ? [`has lost ${missing.join(', ')}`] : []),
  ];
  if (faults.length === 0) return;
  const what = `the registry ${faults.join(' and ')}: the log holds events of these schema ids`;
  const advice = different.length > 0 ? 'empty it, then ' : '';
  throw new AppError('SCHEMA_MISMATCH', `${what}; ${advice}run firstcome schemas restore`, {
    retriable: false,
  });
}

/**
 * Pins every version of these subjects that is not pinned yet.
 * @returns how many were pinned now
 * @throws AppError REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE (both retriable), SCHEMA_MISMATCH
 */
export async function pinSchemas(
  { kafka, registry, topicPrefix }: PinParts,
  subjects: readonly Pick<SubjectReport, 'subject'>[],
): Promise<number> {
  const topic = topicPrefix + SCHEMAS_TOPIC;
  const known = await createPinsReader(kafka, topic)();
  const types = typesOfPins(known);
  const wanted = (
    await Promise.all(subjects.map(({ subject }) => readVersions(registry, subject)))
  ).flat();
  const missing = wanted.filter(
    ({ schemaId, subject, version }) =>
      !known.some(
        (pin) => pin.schemaId === schemaId && pin.subject === subject && pin.version === version,
      ),
  );
  for (const { schemaId, schema } of missing) {
    if (types.get(schemaId)?.equals(avroTypeOf(schema)) === false) {
      const reason = `the schema id ${schemaId} is pinned as another schema`;
      throw new AppError('SCHEMA_MISMATCH', reason, { retriable: false });
    }
  }
  if (missing.length === 0) return 0;
  const producer = createProducer(kafka);
  try {
    const records = missing.map((pin) => ({ topic, partition: 0, ...toPinRecord(pin) }));
    demandOffsets(await producer.send(records, { timeoutMs: WRITE_LIMIT_MS }), SCHEMAS_TOPIC);
  } finally {
    await producer.close();
  }
  return missing.length;
}

async function readVersions(registry: RegistrySettings, subject: string): Promise<SchemaPin[]> {
  const api = createRegistryApi(registry);
  const pins: SchemaPin[] = [];
  for (const version of (await api.versions(subject)) ?? []) {
    const found = await api.version(subject, version);
    if (found === null) continue;
    pins.push({ schemaId: found.id, subject, version, schema: found.schema });
  }
  return pins;
}
