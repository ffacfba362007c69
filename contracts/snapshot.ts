// A snapshot: what follows from the first records of each partition of the event topics, so that a
// rebuild need not read them again. It holds events, not what they come to: whoever loads it folds
// them with the same `evolve` as the log's.
import type { CouponAssigned, CouponCreated } from '../domain/coupon-events.ts';
import type { EventTopic } from './topics.ts';

/** What the chunks of this version hold. A reader leaves snapshots of other formats alone. */
export const SNAPSHOT_FORMAT = 1;

/** A creation without what the coupon's id says already. */
export type SnapshotCreation = Omit<CouponCreated, 'type' | 'eventId' | 'couponId'>;

/** An assignment without what its own id and the coupon's say already. */
export type SnapshotAssignment = Omit<CouponAssigned, 'type' | 'eventId' | 'couponId'>;

/** Events of one coupon that count; a coupon of many assignments is in several chunks. */
export type SnapshotCoupon = {
  couponId: string;
  created: SnapshotCreation | null;
  assignments: SnapshotAssignment[];
};

/** A part of a snapshot. It means nothing before the snapshot is completed. */
export type SnapshotChunk = {
  type: 'SnapshotChunk';
  snapshotId: string;
  /** Counted from 0; a chunk may be in the topic twice. */
  index: number;
  coupons: SnapshotCoupon[];
};

/** How far a snapshot goes in one partition of an event topic. */
export type SnapshotPartition = {
  topic: EventTopic;
  partition: number;
  /** Offset of the first record that is not in the snapshot. */
  next: number;
  /** The highest marker before `next` (docs/guarantees.md P18); null when there was none. */
  highestMarker: number | null;
  /** The highest epoch that any record before `next` names, fenced ones included; null: no record. */
  highestEpoch: number | null;
  /** What tells the record before `next` from any other; null when there is none. */
  lastRecord: string | null;
};

/** A snapshot is complete: all of its chunks are acknowledged. */
export type SnapshotCompleted = {
  type: 'SnapshotCompleted';
  snapshotId: string;
  format: number;
  /** By the clock of the process that made it; for people. */
  completedAt: number;
  /** Its chunks are `chunks` of the records at the offsets from `firstChunk` up to `endOfChunks`. */
  firstChunk: number;
  endOfChunks: number;
  chunks: number;
  coupons: number;
  assignments: number;
  /** Records that need not be read again, and how many of them are fenced. */
  records: number;
  voided: number;
  partitions: SnapshotPartition[];
};
