// One record of the log, readable: whatever its bytes are.

import type { KafkaRecord } from '../../platform/kafka/record.ts';
import { formatLine } from '../format-table.ts';
import { createValueDecoder } from './decode-value.ts';
import type { PhysicalPosition } from './find-record.ts';
import { formatBytes, formatTime } from './format-bytes.ts';
import type { RegistryApi } from './registry-api.ts';

/** A value: the event and its schema, or why it is none and its bytes as hex. */
export type ReadableValue =
  | { kind: 'none' }
  | { kind: 'event'; schema: string; event: Record<string, unknown> }
  | { kind: 'unreadable'; schema: string | null; reason: string; hex: string };

/** A record with everything in it as text; `topic` is its physical name. */
export type ReadableRecord = {
  topic: string;
  partition: number;
  offset: bigint;
  /** When the broker or the producer stamped it, ISO 8601. */
  timestamp: string;
  /** null: it has none. */
  key: string | null;
  headers: { name: string; value: string }[];
  value: ReadableValue;
};

/**
 * A record of this position with its event as it was written, times as ISO 8601.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function toReadableRecord(
  position: PhysicalPosition,
  { key, value, headers, timestamp }: KafkaRecord,
  registry: RegistryApi,
): Promise<ReadableRecord> {
  return {
    ...position,
    timestamp: formatTime(Number(timestamp)),
    key: key === null ? null : formatBytes(key),
    headers: Object.entries(headers ?? {}).flatMap(([name, values]) =>
      [values].flat().map((one) => ({
        name,
        value: one == null ? '(none)' : formatBytes(Buffer.from(one)),
      })),
    ),
    value: await toReadableValue(position.topic, value, registry),
  };
}

/**
 * A value of `topic` (physical) with the subjects and versions of its schema.
 * @throws AppError REGISTRY_UNAVAILABLE (retriable)
 */
export async function toReadableValue(
  topic: string,
  value: Buffer | null,
  registry: RegistryApi,
): Promise<ReadableValue> {
  if (value === null) return { kind: 'none' };
  const decoded = await createValueDecoder(registry)(value);
  const { schemaId } = decoded;
  const schema = schemaId === null ? null : await formatSchema(topic, schemaId, registry);
  return decoded.kind === 'event'
    ? { kind: 'event', schema: schema ?? '', event: decoded.event }
    : { kind: 'unreadable', schema, reason: decoded.reason, hex: value.toString('hex') };
}

/** Several lines: position, time, key, headers and value. */
export function formatRecord(record: ReadableRecord): string {
  return [
    ['topic', record.topic],
    ['partition', String(record.partition)],
    ['offset', String(record.offset)],
    ['timestamp', record.timestamp],
    ['key', record.key ?? '(none)'],
    ...record.headers.map(({ name, value }) => ['header', `${name}: ${value}`]),
    ...valueLines(record.value),
  ]
    .map(formatLine)
    .join('\n');
}

/** The lines of a value, each a name and a text, for `formatLine`. */
export function valueLines(value: ReadableValue): string[][] {
  if (value.kind === 'none') return [['value', '(none)']];
  const schemaLines = value.schema === null ? [] : [['schema', value.schema]];
  return value.kind === 'event'
    ? [...schemaLines, ['event', JSON.stringify(value.event, undefined, 2)]]
    : [...schemaLines, ['unreadable', value.reason], ['hex', value.hex]];
}

// One schema id may stand for the same text under many subjects: those of this topic come first.
async function formatSchema(
  topic: string,
  schemaId: number,
  registry: RegistryApi,
): Promise<string> {
  const original = topic.replace(/-dlt$/, '');
  const versions = await registry.versionsOf(schemaId);
  const own = versions.filter(({ subject }) => subject.startsWith(`${original}-`));
  const named = (own.length > 0 ? own : versions.slice(0, 3)).map(
    ({ subject, version }) => `${subject} version ${version}`,
  );
  return `${schemaId} (${named.length > 0 ? named.join(', ') : 'under no subject any more'})`;
}
