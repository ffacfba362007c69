// Events to bytes and back. Ids are looked up once, at start; schemas of other writers when they are
// first met. A registry that is down later stops only what nobody has seen yet.
import avro from 'avsc';
import type { RegistrySettings } from '../connections/registry-settings.ts';
import { AppError, messageOf } from '../errors.ts';
import { type AvroRecord, fullNameOf, type RecordSchema, subjectOf } from './avro-schemas.ts';
import { createPinnedLookUp, type PinnedLookUp } from './pinned-look-up.ts';
import { FRAME_BYTES, readFrame, writeFrame } from './record-frame.ts';
import type { ReadSchemaPins } from './schema-pins.ts';
import { createSchemaLookUp, type SchemaLookUp } from './schema-registry.ts';

export type EventCodec = {
  /**
   * Framed bytes of `event` for `topic` (logical); fields that the schema doesn't have are left out.
   * @throws AppError EVENT_INVALID (not retriable) when the event does not fit its schema
   */
  encode(topic: string, recordName: string, event: object): Buffer;
  /**
   * The record in framed bytes, as the newest schema of its name sees it; times are numbers.
   * @throws AppError RECORD_UNREADABLE, SCHEMA_UNKNOWN (neither retriable), REGISTRY_UNAVAILABLE
   * (retriable), VERSION_TOO_OLD (retriable, by a newer version) for a pinned schema of a newer version
   */
  decode(value: Buffer | null): Promise<DecodedRecord>;
  /**
   * Is a schema pinned that this version can't read? Reads the pins anew.
   * @throws AppError KAFKA_UNAVAILABLE (retriable)
   */
  isTooOld(): Promise<boolean>;
};
/** `name` is the record's name without its namespace. */
export type DecodedRecord = { name: string; event: Record<string, unknown> };

/** A failed look-up is not repeated for so long: a poison record must not flood the registry. */
const FAILURE_MEMORY_MS = 5_000;

type Reader = (value: Buffer) => DecodedRecord;
type NewestType = { record: AvroRecord; type: avro.Type; textFields: string[] };

/**
 * Looks up every schema under `<topicPrefix><topic>-<record full name>`; never registers one.
 * @throws AppError SCHEMA_UNKNOWN when one is not pinned, or (without pins) not registered;
 * REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE
 */
export async function createEventCodec(options: {
  registry: RegistrySettings;
  topicPrefix: string;
  schemas: AvroRecord[];
  /** The pins of the log, which go before the registry. Left out: what is read is not of the log. */
  pins?: ReadSchemaPins;
}): Promise<EventCodec> {
  const { pins = async () => [] } = options;
  const inRegistry = createSchemaLookUp(options.registry);
  const pinned = await createPinnedLookUp(inRegistry, pins);
  const lookUp = options.pins === undefined ? inRegistry : pinned;
  const newest = options.schemas.map(newestTypeOf);
  const writers = await lookUpWriters(lookUp, newest, options.topicPrefix);
  const readerOf = createReaderCache({ ...lookUp, isPinned: pinned.isPinned }, newest);
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
    isTooOld: async () =>
      [...(await pinned.readPins())].some(([schemaId, type]) => !canRead(schemaId, type, newest)),
  };
}

function canRead(schemaId: number, writerType: avro.Type, newest: NewestType[]): boolean {
  try {
    readerFor(schemaId, writerType, newest);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'RECORD_UNREADABLE') return false;
    throw error;
  }
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

function createReaderCache(
  lookUp: Pick<PinnedLookUp, 'typeOf' | 'isPinned'>,
  newest: NewestType[],
) {
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
      const failure = lookUp.isPinned(schemaId) ? asTooOld(error) : error;
      remember(schemaId, failure);
      throw failure;
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

/** A pinned schema is one of ours: what this version can't make of it a newer one can. */
function asTooOld(error: unknown): unknown {
  if (!(error instanceof AppError && error.code === 'RECORD_UNREADABLE')) return error;
  return new AppError('VERSION_TOO_OLD', error.message, { cause: error, retriable: true });
}

function unreadable(reason: string, cause?: unknown): AppError {
  return new AppError('RECORD_UNREADABLE', reason, { cause, retriable: false });
}

function invalid(schema: RecordSchema, reason: string, cause?: unknown): AppError {
  return new AppError('EVENT_INVALID', `${schema.name}: ${reason}`, { cause, retriable: false });
}
