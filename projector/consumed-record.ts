// A record of the log as the projector consumes it from Kafka, before and after it was decoded.
import type { Headers, Poison } from '../contracts/dead-letter.ts';
import type { Position } from '../contracts/position.ts';
import type { LogEvent } from '../domain/coupon-events.ts';
import type { KafkaRecord } from '../platform/kafka/record.ts';

export type ConsumedRecord = Position & {
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
};

/** A record as Kafka hands it over, in the topic of this logical name. */
export function toConsumedRecord(topic: string, record: KafkaRecord): ConsumedRecord {
  const { partition, offset, key, value, headers } = record;
  return { topic, partition, offset, key, value, headers };
}

/** What decoding a record comes to: the event in it, or why there is none. */
export type DecodeResult =
  | { kind: 'event'; record: ConsumedRecord; event: LogEvent }
  | { kind: 'poison'; record: ConsumedRecord; poison: Poison };

/** A record that can never be applied, on its way to its dead letter topic. */
export type DeadLetter = {
  record: ConsumedRecord;
  poison: Poison;
  /** The highest marker before the record in its partition: the fencing rule, should it be read later. */
  highestMarker: number | null;
};
