// One record of the log, readable: whatever its bytes are.

import { isUtf8 } from 'node:buffer';
import avro from 'avsc';
import type { IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import type { RecordSchema } from '../../platform/avro/avro-schemas.ts';
import { FRAME_BYTES, readFrame } from '../../platform/avro/record-frame.ts';
import { messageOf } from '../../platform/errors.ts';
import { type LogRange, rangesOf, scanLog } from '../../platform/kafka/log-scan.ts';
import type { RegistryApi } from './registry-api.ts';

/** Where a record lies; `topic` is its physical name. */
export type RecordPlace = { topic: string; partition: number; offset: bigint };

/** A description of several lines, or why there is no such record. */
export type RecordDescription =
  | { kind: 'found'; text: string }
  | { kind: 'not-there'; reason: string };

/**
 * Describes the record at this place: key, headers, time, schema, and the event as it was written,
 * with times as ISO 8601; bytes that are no event are shown as hex, with the reason.
 * @throws AppError KAFKA_UNAVAILABLE, REGISTRY_UNAVAILABLE (retriable)
 */
export async function describeRecord(
  kafka: Kafka,
  registry: RegistryApi,
  place: RecordPlace,
): Promise<RecordDescription> {
  const { topic, partition, offset } = place;
  if (!(await topicNames(kafka)).includes(topic)) {
    return { kind: 'not-there', reason: `there is no topic ${topic}` };
  }
  const ranges = await rangesOf(kafka, topic);
  const range = ranges.find((candidate) => candidate.partition === partition);
  if (range === undefined) {
    const known = ranges.map((r) => r.partition).sort((a, b) => a - b);
    return { kind: 'not-there', reason: `${topic} has the partitions ${known.join(', ')}` };
  }
  if (offset < range.from || offset >= range.to) {
    return { kind: 'not-there', reason: `${topic}/${partition} ${sayRange(range)}` };
  }
  let found: KafkaMessage | undefined;
  await scanLog(kafka, topic, [{ partition, from: offset, to: offset + 1n }], ({ message }) => {
    found = message;
    return 'stop';
  });
  if (found === undefined) {
    return {
      kind: 'not-there',
      reason: `${topic}/${partition} has no record at ${offset} any more`,
    };
  }
  return { kind: 'found', text: await describe(place, found, registry) };
}

async function topicNames(kafka: Kafka): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

function sayRange({ from, to }: LogRange): string {
  return from === to ? 'is empty' : `holds the offsets ${from} to ${to - 1n}`;
}

async function describe(
  { topic, partition, offset }: RecordPlace,
  { key, value, headers, timestamp }: KafkaMessage,
  registry: RegistryApi,
): Promise<string> {
  return [
    ['topic', topic],
    ['partition', String(partition)],
    ['offset', String(offset)],
    ['timestamp', toIso(Number(timestamp))],
    ['key', key === null ? '(none)' : textOrHex(key)],
    ...headerLines(headers ?? {}),
    ...(await valueLines(topic, value, registry)),
  ]
    .map(sayLine)
    .join('\n');
}

/** A line of a description. */
export function sayLine([name = '', text = '']: string[]): string {
  return `${name.padEnd(10)} ${text}`;
}

function headerLines(headers: IHeaders): string[][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value]
      .flat()
      .map((one) => ['header', `${name}: ${one === undefined ? '' : textOrHex(Buffer.from(one))}`]),
  );
}

/**
 * The lines of a value in `topic` (physical), each a name and a text: its schema and the event as it
 * was written, or why it is none and the bytes as hex.
 */
export async function valueLines(
  topic: string,
  value: Buffer | null,
  registry: RegistryApi,
): Promise<string[][]> {
  if (value === null) return [['value', '(none)']];
  const read = await createValueReader(registry)(value);
  const schemaLines =
    read.schemaId === null ? [] : [['schema', await saySchema(topic, read.schemaId, registry)]];
  return read.kind === 'event'
    ? [...schemaLines, ['event', JSON.stringify(read.event, undefined, 2)]]
    : [...schemaLines, ['unreadable', read.reason], ['hex', value.toString('hex')]];
}

/** An event as it was written, with times as ISO 8601; or why the bytes are none. */
export type ReadValue =
  | { kind: 'event'; schemaId: number; event: Record<string, unknown> }
  | { kind: 'unreadable'; schemaId: number | null; reason: string };

/**
 * A reader of values by the schemas that they were written with, each asked for once.
 * @throws (the reader) AppError REGISTRY_UNAVAILABLE (retriable)
 */
export function createValueReader(registry: RegistryApi): (value: Buffer) => Promise<ReadValue> {
  const schemas = new Map<number, Promise<string | null>>();
  return async (value) => {
    const frame = readFrame(value);
    if (frame.kind === 'unframed') {
      return { kind: 'unreadable', schemaId: null, reason: frame.reason };
    }
    const { schemaId } = frame;
    const asked = schemas.get(schemaId) ?? registry.schemaOf(schemaId);
    schemas.set(schemaId, asked);
    const text = await asked;
    if (text === null) {
      const reason = `the registry has no schema ${schemaId}`;
      return { kind: 'unreadable', schemaId: null, reason };
    }
    try {
      const schema = JSON.parse(text) as RecordSchema;
      const type = avro.Type.forSchema(schema as avro.Schema);
      const event: unknown = type.fromBuffer(value.subarray(FRAME_BYTES));
      return { kind: 'event', schemaId, event: withIsoTimes(schema, event) };
    } catch (error) {
      const reason = `not what its schema says: ${messageOf(error)}`;
      return { kind: 'unreadable', schemaId, reason };
    }
  };
}

// One schema id may stand for the same text under many subjects: those of this topic come first.
async function saySchema(topic: string, schemaId: number, registry: RegistryApi): Promise<string> {
  const versions = await registry.versionsOf(schemaId);
  const own = versions.filter(({ subject }) => subject.startsWith(`${originalOf(topic)}-`));
  const named = (own.length > 0 ? own : versions.slice(0, 3)).map(
    ({ subject, version }) => `${subject} version ${version}`,
  );
  return `${schemaId} (${named.length > 0 ? named.join(', ') : 'under no subject any more'})`;
}

function originalOf(topic: string): string {
  return topic.replace(/-dlt$/, '');
}

function withIsoTimes(schema: RecordSchema, event: unknown): Record<string, unknown> {
  const times = new Set(
    schema.fields
      .filter(({ type }) => typeof type === 'object' && 'logicalType' in type)
      .filter(({ type }) => (type as { logicalType?: string }).logicalType === 'timestamp-millis')
      .map(({ name }) => name),
  );
  return Object.fromEntries(
    Object.entries(event as Record<string, unknown>).map(([name, value]) => [
      name,
      times.has(name) && typeof value === 'number' ? toIso(value) : value,
    ]),
  );
}

function toIso(timeMs: number): string {
  const time = new Date(timeMs);
  return Number.isNaN(time.getTime()) ? `${timeMs} ms` : time.toISOString();
}

/** Bytes as text when they are printable text, else as hex. */
export function textOrHex(bytes: Buffer): string {
  const text = bytes.toString();
  return isUtf8(bytes) && !/\p{Cc}/u.test(text) ? text : `0x${bytes.toString('hex')}`;
}
