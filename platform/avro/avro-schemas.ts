// The Avro records of a folder: one file per record and version, `<record>.v<N>.avsc`.
import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../errors.ts';

/** A parsed .avsc of a record. What is not named here (doc strings) goes to the registry as it is. */
export type RecordSchema = {
  type: 'record';
  namespace: string;
  name: string;
  doc?: string;
  fields: { name: string; type: FieldType; doc?: string; default?: unknown }[];
};
export type FieldType = PlainType | InnerRecord | InnerList | (PlainType | InnerRecord)[];
type PlainType = string | { type: string; logicalType?: string };
/** Records inside a record; the namespace is that of the outer one. */
type InnerRecord = Omit<RecordSchema, 'namespace'>;
type InnerList = { type: 'array'; items: InnerRecord };

/** The newest version of a record, and the logical topics that it may be in. */
export type AvroRecord = { topics: readonly string[]; schema: RecordSchema };

/** One .avsc file; versions of a record count from 1. */
export type SchemaVersion = { file: string; version: number; schema: RecordSchema };

/** Namespace and name, as registry subjects and schemas of other languages spell it. */
export function fullNameOf(schema: RecordSchema): string {
  return `${schema.namespace}.${schema.name}`;
}

/** The registry's name for what `topic` (with its prefix) may hold of this record. */
export function subjectOf(physicalTopic: string, schema: RecordSchema): string {
  return `${physicalTopic}-${fullNameOf(schema)}`;
}

/**
 * Every version of every record in `folder`, by record and version.
 * @throws AppError STARTUP_FAILED when a file is not named or not written as it must be
 */
export function readSchemaVersions(folder: URL): SchemaVersion[] {
  const versions = readdirSync(folder)
    .filter((file) => file.endsWith('.avsc'))
    .map((file) => readVersion(folder, file));
  return versions.sort(
    (a, b) => a.schema.name.localeCompare(b.schema.name) || a.version - b.version,
  );
}

/**
 * The newest version of every record in `folder`.
 * @param topicsOf record name (without namespace) to logical topics
 * @throws AppError STARTUP_FAILED when records and topics don't name each other
 */
export function readAvroRecords(
  folder: URL,
  topicsOf: Readonly<Record<string, readonly string[]>>,
): AvroRecord[] {
  const newest = new Map<string, RecordSchema>();
  for (const { schema } of readSchemaVersions(folder)) newest.set(schema.name, schema);
  for (const name of Object.keys(topicsOf)) {
    if (!newest.has(name)) throw new AppError('STARTUP_FAILED', `no schema file for ${name}`);
  }
  return [...newest.values()].map((schema) => {
    const topics = topicsOf[schema.name];
    if (topics === undefined) {
      throw new AppError('STARTUP_FAILED', `no topic for the schema ${schema.name}`);
    }
    return { topics, schema };
  });
}

function readVersion(folder: URL, file: string): SchemaVersion {
  const version = Number(/^[a-z][a-z-]*\.v([1-9]\d*)\.avsc$/.exec(file)?.[1]);
  if (Number.isNaN(version)) {
    throw new AppError('STARTUP_FAILED', `schema file ${file} is not named <record>.v<N>.avsc`);
  }
  try {
    const schema = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as RecordSchema;
    if (schema.type !== 'record') throw new Error('not a record');
    return { file, version, schema };
  } catch (cause) {
    throw new AppError('STARTUP_FAILED', `schema file ${file} can't be read`, { cause });
  }
}
