// The coupons that follow from the first records of each partition: the state of a rebuild while it
// reads, and of a snapshot. A pure function of those records, whatever the order of the partitions (docs/guarantees.md P16).
import { createHash } from 'node:crypto';
import { type Coupon, evolve, initialCoupon } from '../../domain/coupon.ts';
import type { CouponEvent, LogEvent } from '../../domain/coupon-events.ts';
import { higherMarker, isFenced } from '../../domain/fencing.ts';
import type { KafkaRecord } from '../../platform/kafka/record.ts';
import type { EventPartition } from '../log.ts';

/** How far one partition was read, and what later records of it depend on. */
export type PartitionFold = EventPartition & {
  /** Offset of the first record that was not read. */
  next: bigint;
  highestMarker: number | null;
  /** The highest epoch that any record names; null: no record names one. */
  highestEpoch: number | null;
  /** `identityOf` the record before `next`; null when there is none. */
  lastRecord: string | null;
};

export type LogFold = {
  /** By coupon id. */
  coupons: Map<string, Coupon>;
  /** When the newest assignment was made, by Redis' clock; 0 when there is none. */
  lastAssignedAt: number;
  records: number;
  /** Records of an epoch that was over when they were written. */
  fenced: number;
  /** Records that an operator discarded, of those that were not read for the snapshot. */
  discarded: number;
  partitions: PartitionFold[];
  /** The snapshot that it began with, and how many of `records` were not read again for that. */
  snapshot: { snapshotId: string; records: number } | null;
};

/** Nothing read of any of these partitions. */
export function emptyFold(partitions: readonly EventPartition[]): LogFold {
  return {
    coupons: new Map(),
    lastAssignedAt: 0,
    records: 0,
    fenced: 0,
    discarded: 0,
    partitions: partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      next: 0n,
      highestMarker: null,
      highestEpoch: null,
      lastRecord: null,
    })),
    snapshot: null,
  };
}

/** Takes the next event of `partition`, one of the partitions of `fold`. */
export function foldEvent(fold: LogFold, partition: PartitionFold, event: LogEvent): void {
  partition.highestEpoch = higherMarker(partition.highestEpoch, event.epoch);
  if (event.type === 'EpochStarted') {
    partition.highestMarker = higherMarker(partition.highestMarker, event.epoch);
  } else if (isFenced(event.epoch, partition.highestMarker)) {
    fold.fenced += 1;
  } else {
    countEvent(fold, event);
  }
}

/** Takes an event that counts. One that was taken before changes nothing. */
export function countEvent(fold: LogFold, event: CouponEvent): void {
  let coupon = fold.coupons.get(event.couponId);
  if (coupon === undefined) {
    coupon = initialCoupon();
    fold.coupons.set(event.couponId, coupon);
  }
  if (event.type === 'CouponAssigned') {
    fold.lastAssignedAt = Math.max(fold.lastAssignedAt, event.occurredAt);
    // A million of them are held at once: equal texts are kept once.
    event.assignmentId = event.eventId;
  }
  evolve(coupon, event);
}

/** What distinguishes a record from any other that could lie at its offset: its bytes and its time. */
export function identityOf({ timestamp, value }: Pick<KafkaRecord, 'timestamp' | 'value'>): string {
  const hash = createHash('sha256').update(`${timestamp}\n`);
  if (value !== null) hash.update(value);
  return hash.digest('base64url');
}

/** How much counts so far; coupons that were not created included. */
export function sizeOf({ coupons }: LogFold): { coupons: number; assignments: number } {
  let assignments = 0;
  for (const { issued } of coupons.values()) assignments += issued;
  return { coupons: coupons.size, assignments };
}
