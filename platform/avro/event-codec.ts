// Events to bytes and back. Ids are looked up once, at start; schemas of other writers when they are
// first met. A registry that is down later stops only what nobody has seen yet.
import avro from 'avsc';
import type { RegistrySettings } from '../connections/registry-settings.ts';
import { AppError, messageOf } from '../errors.ts';
import { type AvroRecord, fullNameOf, type RecordSchema, subjectOf } from './avro-schemas.ts';
import { FRAME_BYTES, readFrame, writeFrame } from './record-frame.ts';
import { createSchemaLookUp, type SchemaLookUp } from './schema-registry.ts';

export type EventCodec = {
  /**
   * Framed bytes of `event` for `topic` (logical); fields that the schema doesn't have are left out.
   * @throws AppError EVENT_INVALID (not retriable) when the event does not fit its schema
   */
  encode(topic: string, recordName: string, event: object): Buffer;
  /**
   * The record in framed bytes, as the newest schema of its name sees it; times are numbers.
   * @throws AppError RECORD_UNREADABLE, SCHEMA_UNKNOWN (neither retriable), REGISTRY_UNAVAILABLE (retriable)
   */
  decode(value: Buffer | null): Promise<DecodedRecord>;
};
/** `name` is the record's name without its namespace. */
export type DecodedRecord = { name: string; event: Record<string, unknown> };

/** A failed look-up is not repeated for so long: a poison record must not flood the registry. */
const FAILURE_MEMORY_MS = 5_000;

type Reader = (value: Buffer) => DecodedRecord;
type NewestType = { record: AvroRecord; type: avro.Type; textFields: string[] };

/**
 * Looks up every schema under `<topicPrefix><topic>-<record full name>`; never registers one.
 * @throws AppError SCHEMA_UNKNOWN when one is not registered, REGISTRY_UNAVAILABLE
 */
export async function createEventCodec(options: {
  registry: RegistrySettings;
  topicPrefix: string;
  schemas: AvroRecord[];
}): Promise<EventCodec> {
  const lookUp = createSchemaLookUp(options.registry);
  const newest = options.schemas.map(newestTypeOf);
  const writers = await lookUpWriters(lookUp, newest, options.topicPrefix);
  const readerOf = createReaderCache(lookUp, newest);
  for (const { schemaId, newestType } of writers) readerOf.learn(schemaId, newestType.type);
  const scratch = { buffer: Buffer.allocUnsafeSlow(2_048) };
  const writerOf = new Map<string, Map<string, Writer>>();
  for (const writer of writers) {
    const ofTopic = writerOf.get(writer.topic) ?? new Map<string, Writer>();
    writerOf.set(writer.topic, ofTopic.set(writer.newestType.record.schema.name, writer));
  }
  return {
    encode: (topic, recordName, event) => {
      const writer = writerOf.get(topic)?.get(recordName);
      if (writer === undefined) {
        throw new AppError('EVENT_INVALID', `${recordName} has no place in ${topic}`, {
          retriable: false,
        });
      }
      return encodeWith(writer, event, scratch);
    },
    decode: async (value) => {
      const frame = readFrame(value);
      if (value === null || frame.kind === 'unframed') {
        throw unreadable(frame.kind === 'unframed' ? frame.reason : 'no value');
      }
      const reader = readerOf.known(frame.schemaId) ?? (await readerOf.find(frame.schemaId));
      return reader(value);
    },
  };
}

type Writer = { topic: string; schemaId: number; newestType: NewestType };

function newestTypeOf(record: AvroRecord): NewestType {
  const textFields = record.schema.fields
    .filter(({ type }) =>
      [type].flat().some((t) => (typeof t === 'string' ? t : t.type) === 'string'),
    )
    .map(({ name }) => name);
  return { record, type: typeFor(record.schema), textFields };
}

function typeFor(schema: RecordSchema): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, { omitRecordMethods: true });
}

function lookUpWriters(
  lookUp: SchemaLookUp,
  newest: NewestType[],
  topicPrefix: string,
): Promise<Writer[]> {
  return Promise.all(
    newest.flatMap((newestType) =>
      newestType.record.topics.map(async (topic) => {
        const subject = subjectOf(`${topicPrefix}${topic}`, newestType.record.schema);
        return { topic, schemaId: await lookUpWriter(lookUp, newestType, subject), newestType };
      }),
    ),
  );
}

// Some registries take schemas for the same that differ in the order of fields only; the bytes
// would differ, and be read as something else by everyone who asks for that id.
async function lookUpWriter(
  lookUp: SchemaLookUp,
  { record, type }: NewestType,
  subject: string,
): Promise<number> {
  const schemaId = await lookUp.idOf(subject, record.schema);
  if (!type.equals(await lookUp.typeOf(schemaId))) {
    throw new AppError(
      'SCHEMA_UNKNOWN',
      `schema ${schemaId} of ${subject} writes other bytes than this version: run npm run migrate`,
      { retriable: false },
    );
  }
  return schemaId;
}

function encodeWith(
  { schemaId, newestType }: Writer,
  event: object,
  scratch: { buffer: Buffer },
): Buffer {
  const { type, textFields, record } = newestType;
  for (const field of textFields) {
    const text = (event as Record<string, unknown>)[field];
    // UTF-8 has no half of a character: written, it would silently become another text.
    if (typeof text === 'string' && !text.isWellFormed()) {
      throw invalid(record.schema, `${field} is not well-formed Unicode`);
    }
  }
  try {
    let end = type.encode(event, scratch.buffer, FRAME_BYTES);
    if (end < 0) {
      scratch.buffer = Buffer.allocUnsafeSlow(scratch.buffer.length - end);
      end = type.encode(event, scratch.buffer, FRAME_BYTES);
    }
    writeFrame(scratch.buffer, schemaId);
    return Buffer.from(scratch.buffer.subarray(0, end));
  } catch (cause) {
    const paths: string[] = [];
    type.isValid(event, { errorHook: (path) => paths.push(path.join('.')) });
    throw invalid(record.schema, `${paths.join(', ')} not as the schema has it`, cause);
  }
}

function createReaderCache(lookUp: SchemaLookUp, newest: NewestType[]) {
  const readers = new Map<number, Reader>();
  const pending = new Map<number, Promise<Reader>>();
  const failures = new Map<number, { error: unknown; untilMs: number }>();
  const learn = (schemaId: number, writerType: avro.Type): Reader => {
    const reader = readerFor(schemaId, writerType, newest);
    readers.set(schemaId, reader);
    return reader;
  };
  const remember = (schemaId: number, error: unknown): void => {
    const nowMs = performance.now();
    for (const [id, { untilMs }] of failures) if (untilMs <= nowMs) failures.delete(id);
    failures.set(schemaId, { error, untilMs: nowMs + FAILURE_MEMORY_MS });
  };
  const ask = async (schemaId: number): Promise<Reader> => {
    try {
      return learn(schemaId, await lookUp.typeOf(schemaId));
    } catch (error) {
      remember(schemaId, error);
      throw error;
    } finally {
      pending.delete(schemaId);
    }
  };
  return {
    learn,
    known: (schemaId: number) => readers.get(schemaId),
    find: async (schemaId: number): Promise<Reader> => {
      const failure = failures.get(schemaId);
      if (failure !== undefined && performance.now() < failure.untilMs) throw failure.error;
      const asked = pending.get(schemaId) ?? ask(schemaId);
      pending.set(schemaId, asked);
      return asked;
    },
  };
}

function readerFor(schemaId: number, writerType: avro.Type, newest: NewestType[]): Reader {
  const own = newest.find(({ record }) => fullNameOf(record.schema) === writerType.name);
  if (own === undefined) {
    throw unreadable(
      `schema ${schemaId} is of the unknown record ${writerType.name ?? '(no name)'}`,
    );
  }
  const { name } = own.record.schema;
  const resolver = resolverOf(schemaId, own.type, writerType);
  return (value) => {
    try {
      return { name, event: own.type.fromBuffer(value.subarray(FRAME_BYTES), resolver) };
    } catch (cause) {
      throw unreadable(
        `not the ${name} that schema ${schemaId} describes: ${messageOf(cause)}`,
        cause,
      );
    }
  };
}

function resolverOf(
  schemaId: number,
  own: avro.Type,
  writerType: avro.Type,
): ReturnType<avro.Type['createResolver']> | undefined {
  if (own === writerType) return undefined;
  try {
    return own.createResolver(writerType);
  } catch (cause) {
    throw unreadable(
      `schema ${schemaId} can't be read by this version: ${messageOf(cause)}`,
      cause,
    );
  }
}

function unreadable(reason: string, cause?: unknown): AppError {
  return new AppError('RECORD_UNREADABLE', reason, { cause, retriable: false });
}

function invalid(schema: RecordSchema, reason: string, cause?: unknown): AppError {
  return new AppError('EVENT_INVALID', `${schema.name}: ${reason}`, { cause, retriable: false });
}
