// Schemas pinned in the log: which schema stands behind an id, as it was when the id was first used. The log
// is read by them whatever becomes of the registry.
import avro from 'avsc';
import type { KafkaClient } from '../kafka/client.ts';
import { readWholeTopic } from '../kafka/whole-topic.ts';

/** A schema id, the text behind it, and where it is registered. */
export type SchemaPin = { schemaId: number; subject: string; version: number; schema: string };

/**
 * Reads every pin, the oldest first.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export type ReadSchemaPins = () => Promise<SchemaPin[]>;

const FORMAT = 1;

/** Key and value of the record that pins a schema. */
export function toPinRecord({ schemaId, ...pin }: SchemaPin): { key: string; value: Buffer } {
  const value = Buffer.from(JSON.stringify({ format: FORMAT, schemaId, ...pin }));
  return { key: String(schemaId), value };
}

/** Reads the pins of a topic (physical); none when it is not there. */
export function createPinsReader(kafka: KafkaClient, topic: string): ReadSchemaPins {
  return async () =>
    (await readWholeTopic(kafka, topic)).flatMap(({ value }) => readPin(value) ?? []);
}

/** The schema behind each pinned id. Where two pins contradict each other the first one stands. */
export function typesOfPins(pins: readonly SchemaPin[]): Map<number, avro.Type> {
  const types = new Map<number, avro.Type>();
  for (const { schemaId, schema } of pins) {
    if (!types.has(schemaId)) types.set(schemaId, avroTypeOf(schema));
  }
  return types;
}

/** @returns the type in the text of a schema */
export function avroTypeOf(schema: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema);
}

/** @returns null when it is nothing that this version knows, or no Avro */
function readPin(value: Buffer | null): SchemaPin | null {
  try {
    const { format, schemaId, subject, version, schema } = JSON.parse(String(value)) as Record<
      string,
      unknown
    >;
    if (format !== FORMAT || !Number.isSafeInteger(schemaId) || !Number.isSafeInteger(version)) {
      return null;
    }
    if (typeof subject !== 'string' || typeof schema !== 'string') return null;
    avroTypeOf(schema);
    return { schemaId: schemaId as number, subject, version: version as number, schema };
  } catch {
    return null;
  }
}
