// A record of the log as this process takes it over from Kafka, before and after it was read.
import type { KafkaMessage } from 'kafkajs';
import type { Headers, Poison } from '../../contracts/dead-letter.ts';
import type { Position } from '../../contracts/position.ts';
import type { LogEvent } from '../../domain/coupon-events.ts';

export type LogRecord = Position & {
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
};

/** A record of `topic` (logical) as Kafka hands it over. */
export function toLogRecord(topic: string, partition: number, message: KafkaMessage): LogRecord {
  const { offset, key, value, headers = {} } = message;
  return { topic, partition, offset: BigInt(offset), key, value, headers };
}

/** A record once its bytes were read: the event in it, or why there is none. */
export type Reading =
  | { kind: 'event'; record: LogRecord; event: LogEvent }
  | { kind: 'poison'; record: LogRecord; poison: Poison };

/** A record that can never be applied, on its way out. */
export type DeadLetter = {
  record: LogRecord;
  poison: Poison;
  /** The highest marker before the record in its partition: the fencing rule, should it be read later. */
  highestMarker: number | null;
};
