// The value of a record by the schema that it was written with, whatever its bytes are.
import avro from 'avsc';
import type { RecordSchema } from '../../platform/avro/avro-schemas.ts';
import { FRAME_BYTES, readFrame } from '../../platform/avro/record-frame.ts';
import { messageOf } from '../../platform/errors.ts';
import { formatTime } from './format-bytes.ts';
import type { RegistryApi } from './registry-api.ts';

/** An event as it was written, with times as ISO 8601; or why the bytes are none. */
export type DecodedValue =
  | { kind: 'event'; schemaId: number; event: Record<string, unknown> }
  | { kind: 'unreadable'; schemaId: number | null; reason: string };

/**
 * A decoder of values by the schemas that they were written with, each asked for once.
 * @throws (the decoder) AppError REGISTRY_UNAVAILABLE (retriable)
 */
export function createValueDecoder(
  registry: RegistryApi,
): (value: Buffer) => Promise<DecodedValue> {
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
      times.has(name) && typeof value === 'number' ? formatTime(value) : value,
    ]),
  );
}
