// What has happened to coupons: the facts in the log. Each type has its Avro record in schemas/;
// test/unit/schemas keeps the two equal. All times are milliseconds since 1970 (UTC), read from Redis.

/** What every event carries. `epoch`: the epoch it was decided in (docs/guarantees.md P1). */
type EventBase = {
  /** UUID. Every reader knows an event by it, so an event that is in the log twice counts once. */
  eventId: string;
  epoch: number;
  occurredAt: number;
};

/** What a caller named the request by, kept in the event so that a rebuild brings it back. */
type RequestIdentity = {
  idempotencyKey: string | null;
  /** Hash of the request's meaning; null exactly when the key is. */
  requestHash: string | null;
};

/** A coupon was put up. Its event id is the coupon's id. */
export type CouponCreated = EventBase &
  RequestIdentity & {
    type: 'CouponCreated';
    couponId: string;
    title: string;
    quantity: number;
    startDate: number;
    endDate: number;
    perUserLimit: number;
  };

/** A unit was given to a user. Its event id is the assignment's id. */
export type CouponAssigned = EventBase &
  RequestIdentity & {
    type: 'CouponAssigned';
    assignmentId: string;
    couponId: string;
    userId: string;
    /** The Nth assignment of this coupon: unique and rising from 1; a gap is possible after a rebuild. */
    sequence: number;
    /** The Nth assignment of this coupon to this user, from 1; a gap is possible after a rebuild. */
    nthOfUser: number;
  };

/**
 * A new epoch begins in this partition: from here on, events of older epochs are fenced.
 * Written to every partition of both event topics.
 */
export type EpochStarted = EventBase & { type: 'EpochStarted' };

/** An event that one coupon's state follows from. */
export type CouponEvent = CouponCreated | CouponAssigned;

/** Everything the event topics may hold. */
export type LogEvent = CouponEvent | EpochStarted;

/** A claim to a new epoch, in a topic of its own; its offset there is the epoch (docs/guarantees.md P13). */
export type EpochClaimed = {
  type: 'EpochClaimed';
  /** Which process claims it, for people who read the log. */
  claimedBy: string;
  claimedAt: number;
  /** The partitions that the epoch is marked in (contracts/partitions.ts); empty in the oldest claims. */
  partitions: string;
};
