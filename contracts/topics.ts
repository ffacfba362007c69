// Which event lives in which topic, and under which key. Partition counts are the topics' own.
import type { CouponEvent } from '../domain/coupon-events.ts';

export const LIFECYCLE_TOPIC = 'coupon-lifecycle';
export const ASSIGN_TOPIC = 'coupon-assign';
/** One partition; the offset of a record in it is the epoch that the record claims. */
export const EPOCHS_TOPIC = 'coupon-epochs';
/** Snapshots of the event topics: their chunks in one partition, their completions in another. */
export const SNAPSHOTS_TOPIC = 'coupon-snapshots';
export const CHUNKS_PARTITION = 0;
export const COMPLETIONS_PARTITION = 1;
/** One partition; the schema behind each id that events are written under, pinned before they are. */
export const SCHEMAS_TOPIC = 'coupon-schemas';
/** One partition; which records of the log an operator discarded although nobody can read them. */
export const DISCARDS_TOPIC = 'coupon-discards';

/** The topics that hold coupon events, in the order in which tools show them. */
export const EVENT_TOPICS = [LIFECYCLE_TOPIC, ASSIGN_TOPIC] as const;
export type EventTopic = (typeof EVENT_TOPICS)[number];

/** The topic for records of `topic` that can never be applied. Same partition count as the original. */
export function deadLetterTopicOf(topic: string): string {
  return `${topic}-dlt`;
}

/**
 * The topic and key under which an event is written. Assignments are keyed by their own id, not by the coupon's: one hot
 * coupon then spreads over all partitions, and the events of one assignment stay in order.
 */
export function destinationOf(event: CouponEvent): { topic: EventTopic; key: string } {
  switch (event.type) {
    case 'CouponCreated':
      return { topic: LIFECYCLE_TOPIC, key: event.couponId };
    case 'CouponAssigned':
      return { topic: ASSIGN_TOPIC, key: event.assignmentId };
  }
}
