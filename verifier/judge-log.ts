// The log, judged: which records count, and the coupons that follow from them.

import { topicPartitionOf } from '../contracts/position.ts';
import { type Coupon, evolve, initialCoupon } from '../domain/coupon.ts';
import type { CouponEvent, LogEvent } from '../domain/coupon-events.ts';
import { higherMarker, isFenced } from '../domain/fencing.ts';
import type { PartitionFacts, RecordFacts } from './facts.ts';

/** `repeat`: an event that counts, whose id was met before in a record that counts. */
export type JudgedRecord = {
  /** Its partition, as `topicPartitionOf` spells it. */
  topicPartition: string;
  offset: number;
} & (
  | { kind: 'event' | 'repeat' | 'fenced'; event: CouponEvent }
  | { kind: 'marker'; epoch: number }
  | { kind: 'unreadable' | 'discarded' }
);
export type EventRecord = JudgedRecord & { event: CouponEvent };

export type JudgedLog = {
  records: JudgedRecord[];
  /** The record by which each event counts, by event id. */
  events: Map<string, EventRecord>;
  /** By coupon id. */
  coupons: Map<string, Coupon>;
};

/** Judges every record of these partitions by the fencing rule, and folds what counts. */
export function judgeLog(partitions: readonly PartitionFacts[]): JudgedLog {
  const folded: JudgedLog = { records: [], events: new Map(), coupons: new Map() };
  for (const { topic, partition, records } of partitions) {
    const topicPartition = topicPartitionOf(topic, partition);
    let highestMarker: number | null = null;
    for (const record of records) {
      const judged = judge(topicPartition, record, highestMarker, folded.events);
      if (judged.kind === 'marker') highestMarker = higherMarker(highestMarker, judged.epoch);
      if (judged.kind === 'event') apply(folded, judged);
      folded.records.push(judged);
    }
  }
  return folded;
}

/** The highest marker in a partition below `offset`; null when there is none. */
export function highestMarkerBelow(partition: PartitionFacts, offset: number): number | null {
  let highest: number | null = null;
  for (const record of partition.records) {
    if (record.offset >= offset) break;
    if (record.event?.type === 'EpochStarted') highest = higherMarker(highest, record.event.epoch);
  }
  return highest;
}

function judge(
  topicPartition: string,
  { offset, event, isDiscarded }: RecordFacts,
  highestMarker: number | null,
  known: ReadonlyMap<string, unknown>,
): JudgedRecord {
  if (isDiscarded === true) return { topicPartition, offset, kind: 'discarded' };
  if (event === null) return { topicPartition, offset, kind: 'unreadable' };
  if (isMarker(event)) return { topicPartition, offset, kind: 'marker', epoch: event.epoch };
  if (isFenced(event.epoch, highestMarker))
    return { topicPartition, offset, kind: 'fenced', event };
  return { topicPartition, offset, kind: known.has(event.eventId) ? 'repeat' : 'event', event };
}

function isMarker(event: LogEvent): event is Exclude<LogEvent, CouponEvent> {
  return event.type === 'EpochStarted';
}

function apply(folded: JudgedLog, record: EventRecord): void {
  const { couponId } = record.event;
  const coupon = folded.coupons.get(couponId) ?? initialCoupon();
  folded.coupons.set(couponId, evolve(coupon, record.event));
  folded.events.set(record.event.eventId, record);
}
