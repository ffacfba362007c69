// Records of the log as the projector consumes them from Kafka, before and after they were decoded.
import type { Headers, Poison } from '../contracts/dead-letter.ts';
import type { Position } from '../contracts/position.ts';
import type { LogEvent } from '../domain/coupon-events.ts';
import type { KafkaRecord, RecordBatch } from '../platform/kafka/record.ts';

export type ConsumedRecord = Position & {
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
};

/** Offsets from `offset` up to `to` that have no record in the log; they are consumed as one. */
type VacantOffsets = Position & { to: bigint };

/** What a partition consists of: each of its offsets is in one of them. */
export type Consumed = ConsumedRecord | VacantOffsets;

/**
 * Every offset of a batch as Kafka hands it over, in the topic of this logical name. Those without a
 * record are known by what the broker gave at once, so none that was lost looks like one of them.
 */
export function toConsumed(topic: string, batch: RecordBatch): Consumed[] {
  const { partition, records } = batch;
  const consumed: Consumed[] = [];
  let next = batch.from;
  const fillTo = (to: bigint): void => {
    if (next < to) consumed.push({ topic, partition, offset: next, to });
  };
  for (const record of records) {
    fillTo(record.offset);
    consumed.push(toConsumedRecord(topic, record));
    next = record.offset + 1n;
  }
  fillTo(batch.to);
  return consumed;
}

/** The offset behind these. */
export function nextOffsetOf(consumed: Consumed): bigint {
  return 'to' in consumed ? consumed.to : consumed.offset + 1n;
}

function toConsumedRecord(topic: string, record: KafkaRecord): ConsumedRecord {
  const { partition, offset, key, value, headers } = record;
  return { topic, partition, offset, key, value, headers };
}

/** What decoding comes to: the event in a record, or why there is none; vacant offsets as they are. */
export type DecodeResult = ReadResult | { kind: 'vacant'; record: VacantOffsets };
export type ReadResult =
  | { kind: 'event'; record: ConsumedRecord; event: LogEvent }
  | { kind: 'poison'; record: ConsumedRecord; poison: Poison };

/** A record that can never be applied, on its way to its dead letter topic. */
export type DeadLetter = {
  record: ConsumedRecord;
  poison: Poison;
  /** The highest marker before the record in its partition: the fencing rule, should it be read later. */
  highestMarker: number | null;
};
