// The registry, restored from the pins of the log: each schema under the id that events were written with. By
// the import of Apicurio Registry; its Confluent-compatible API takes no ids (tried with 3.3.3, mode IMPORT).
import { createHash } from 'node:crypto';
import { SCHEMAS_TOPIC } from '../../contracts/topics.ts';
import { createRegistrySender } from '../../platform/avro/registry-request.ts';
import { comparePins } from '../../platform/avro/schema-ids.ts';
import { createPinsReader, type SchemaPin } from '../../platform/avro/schema-pins.ts';
import type { RegistrySettings } from '../../platform/connections/registry-settings.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import type { PinParts } from './pin-schemas.ts';
import { REQUIRED_LEVEL } from './register-schemas.ts';
import { createZip } from './zip.ts';

/** How many ids were pinned, and how many of them the registry lacked and has again. */
export type RestoreResult = { pinned: number; restored: number };

const COMPATIBILITY_API = /\/apis\/ccompat\/v\d+\/?$/;
const TIMEOUT_MS = 30_000;

/**
 * Puts the pinned schemas that the registry lost back under their ids. Changes nothing else in it.
 * @throws AppError SCHEMA_MISMATCH (not retriable) when the registry has another schema under such an id, or
 * does not take them; REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE (both retriable)
 */
export async function restoreSchemas({
  kafka,
  registry,
  topicPrefix,
}: PinParts): Promise<RestoreResult> {
  const readPins = createPinsReader(kafka, topicPrefix + SCHEMAS_TOPIC);
  const pins = await readPins();
  const pinned = new Set(pins.map(({ schemaId }) => schemaId)).size;
  const before = await comparePins(registry, readPins);
  if (before.different.length > 0) {
    const ids = before.different.join(', ');
    throw refused(`the registry has other schemas under the id(s) ${ids}: empty it first`);
  }
  if (before.missing.length === 0) return { pinned, restored: 0 };
  const missing = new Set(before.missing);
  await importInto(
    registry,
    pins.filter(({ schemaId }) => missing.has(schemaId)),
  );
  const after = await comparePins(registry, readPins);
  const left = [...after.different, ...after.missing];
  if (left.length > 0) throw refused(`the registry did not take the id(s) ${left.join(', ')}`);
  return { pinned, restored: missing.size };
}

async function importInto(registry: RegistrySettings, pins: readonly SchemaPin[]): Promise<void> {
  if (!COMPATIBILITY_API.test(registry.url)) {
    throw refused(
      'this registry is no Apicurio Registry: import the schemas of coupon-schemas with its own tools, each under its id',
    );
  }
  const url = registry.url.replace(COMPATIBILITY_API, '/apis/registry/v3');
  const send = createRegistrySender({ ...registry, url }, TIMEOUT_MS);
  const request = {
    ...{ method: 'POST', path: '/admin/import?requireEmptyRegistry=false' },
    archive: createZip(toImport(pins, Date.now())),
  };
  const answer = await send(request).catch((cause: unknown) => {
    const reason = `the registry did not answer: ${messageOf(cause)}`;
    throw new AppError('REGISTRY_UNAVAILABLE', reason, { cause, retriable: true });
  });
  if (answer.status >= 300) throw refused(`the registry answered ${answer.status}: ${answer.text}`);
}

/**
 * The files of an import: each schema once, each subject with its versions and its level.
 * @param firstGlobalId of the versions; they must be new, and nobody looks at them
 */
function toImport(
  pins: readonly SchemaPin[],
  firstGlobalId: number,
): { path: string; text: string }[] {
  const file = (path: string, content: object) => ({ path, text: JSON.stringify(content) });
  const made = { owner: '', createdOn: firstGlobalId, modifiedBy: '', modifiedOn: firstGlobalId };
  const contents = new Map(pins.map((pin) => [pin.schemaId, pin.schema]));
  const subjects = Map.groupBy(pins, ({ subject }) => subject);
  const manifest = {
    ...{ systemVersion: '3.0', systemName: 'firstcome', systemDescription: 'pins of the log' },
    ...{ exportVersion: '3.0', exportedOn: firstGlobalId, exportedBy: '', dbVersion: '109' },
  };
  return [
    file('manifest-1.Manifest.json', manifest),
    ...[...contents].flatMap(([contentId, schema]) => {
      const contentHash = createHash('sha256').update(schema).digest('hex');
      return [
        { path: `content/${contentHash}.Content.data`, text: schema },
        file(`content/${contentHash}.Content.json`, {
          ...{ contentId, contentHash, canonicalHash: null, artifactType: 'AVRO' },
          ...{ contentType: 'application/json', serializedReferences: null },
        }),
      ];
    }),
    ...[...subjects].flatMap(([artifactId, versions]) => {
      const folder = `groups/default/artifacts/${artifactId}`;
      const own = { groupId: null, artifactId };
      return [
        file(`${folder}/MetaData.Artifact.json`, { ...own, artifactType: 'AVRO', ...made }),
        ...versions.map((pin) =>
          file(`${folder}/versions/${pin.version}.ArtifactVersion.json`, {
            ...{ ...own, globalId: firstGlobalId + pins.indexOf(pin), contentId: pin.schemaId },
            ...{ version: String(pin.version), versionOrder: pin.version, state: 'ENABLED' },
            ...made,
          }),
        ),
        file(`${folder}/rules/COMPATIBILITY.ArtifactRule.json`, {
          ...own,
          type: 'COMPATIBILITY',
          configuration: REQUIRED_LEVEL,
        }),
      ];
    }),
  ];
}

function refused(reason: string): AppError {
  return new AppError('SCHEMA_MISMATCH', reason, { retriable: false });
}
