// Does the registry say of the ids that stand in the log what the log says of them?
import type { Assumption } from '../assumptions.ts';
import type { RegistrySettings } from '../connections/registry-settings.ts';
import { AppError } from '../errors.ts';
import { type ReadSchemaPins, typesOfPins } from './schema-pins.ts';
import { createSchemaLookUp } from './schema-registry.ts';

/** Pinned ids under which the registry has another schema, and those that it does not have at all. */
export type PinComparison = { different: number[]; missing: number[] };

/**
 * Asks the registry for every pinned id.
 * @throws AppError REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE (both retriable)
 */
export async function comparePins(
  registry: RegistrySettings,
  readPins: ReadSchemaPins,
): Promise<PinComparison> {
  // A new one each time: it remembers what it was answered.
  const lookUp = createSchemaLookUp(registry);
  const found: PinComparison = { different: [], missing: [] };
  for (const [schemaId, type] of typesOfPins(await readPins())) {
    try {
      if (!type.equals(await lookUp.typeOf(schemaId))) found.different.push(schemaId);
    } catch (error) {
      if (!(error instanceof AppError && error.retriable === false)) throw error;
      const isThere = error.code === 'RECORD_UNREADABLE';
      (isThere ? found.different : found.missing).push(schemaId);
    }
  }
  return found;
}

/**
 * Broken: who reads the log by the registry would read what we write as something else, or not at all. Nothing of ours
 * is read wrongly, the pins go first.
 */
export function schemaIdsAssumption(
  registry: RegistrySettings,
  readPins: ReadSchemaPins,
): Assumption {
  return {
    name: 'schema-ids',
    severity: 'closes',
    look: async () => {
      const { different } = await comparePins(registry, readPins).catch(noneWhereItIsAway);
      if (different.length === 0) return { kind: 'holds' };
      return {
        kind: 'broken',
        reason: `the registry has another schema than the log under the id(s) ${different.join(', ')}: empty it, then firstcome schemas restore`,
      };
    },
  };
}

// A registry that does not answer misleads nobody, and nothing of ours asks it: the pins go first.
function noneWhereItIsAway(error: unknown): PinComparison {
  const isAway = error instanceof AppError && error.code === 'REGISTRY_UNAVAILABLE';
  if (!isAway) throw error;
  return { different: [], missing: [] };
}

/** Broken: the registry lost schemas. What we write and read is not touched by it. */
export function registeredIdsAssumption(
  registry: RegistrySettings,
  readPins: ReadSchemaPins,
): Assumption {
  return {
    name: 'registered-ids',
    severity: 'warns',
    look: async () => {
      const { missing } = await comparePins(registry, readPins);
      if (missing.length === 0) return { kind: 'holds' };
      return {
        kind: 'broken',
        reason: `the registry lost the id(s) ${missing.join(', ')}: firstcome schemas restore`,
      };
    },
  };
}
