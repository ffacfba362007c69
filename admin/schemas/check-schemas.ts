// Are the schemas of this code registered as they have to be, and may they be?
import { type AvroRecord, type RecordSchema, subjectOf } from '../../platform/avro/avro-schemas.ts';
import { REQUIRED_LEVEL } from './register-schemas.ts';
import type { RegistryApi } from './registry-api.ts';

/** One subject: its state in a few words, and every fault (none: all is well). */
export type SubjectCheck = { subject: string; state: string; faults: string[] };

/**
 * Compares every record with the registry: registered, at the level FULL_TRANSITIVE, compatible
 * with every version that is there.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function checkSchemas(
  registry: RegistryApi,
  topicPrefix: string,
  records: readonly AvroRecord[],
): Promise<SubjectCheck[]> {
  const checks: SubjectCheck[] = [];
  for (const { topics, schema } of records) {
    for (const topic of topics) {
      checks.push(await checkOne(registry, subjectOf(`${topicPrefix}${topic}`, schema), schema));
    }
  }
  return checks;
}

async function checkOne(
  registry: RegistryApi,
  subject: string,
  schema: RecordSchema,
): Promise<SubjectCheck> {
  const versions = await registry.versions(subject);
  if (versions === null) return { subject, state: 'no such subject', faults: ['not registered'] };
  const found = await registry.find(subject, schema);
  const level = await registry.levelOf(subject);
  const faults = found === null ? ['not registered'] : [];
  if (level !== REQUIRED_LEVEL) faults.push(`compatibility is ${level ?? 'not set'}`);
  for (const version of versions) {
    if (!(await registry.isCompatible(subject, version, schema))) {
      faults.push(`not compatible with version ${version}`);
    }
  }
  const state =
    found === null ? `versions ${versions.join(', ')}` : `version ${found.version}, id ${found.id}`;
  return { subject, state, faults };
}
