// What was read, before anyone judges it: the log, Redis, the read model, the dead letters, and what
// a client was told. Times are milliseconds since 1970 (UTC); offsets are exact as numbers.
import type { LogEvent } from '../domain/coupon-events.ts';

/** One record of an event topic; `event` is null when the bytes are no event that can be read. */
export type LogRecord = { offset: number; event: LogEvent | null };

/** One partition as far as it was read: every record with `firstOffset` <= offset < `endOffset`. */
export type LogPartition = {
  /** Logical name. */
  topic: string;
  partition: number;
  firstOffset: number;
  endOffset: number;
  records: LogRecord[];
};

/** An assignment as a coupon's holders in Redis tell it. */
export type HeldAssignment = {
  assignmentId: string;
  sequence: number;
  assignedAt: number;
  /** null: Redis does not say it. */
  nthOfUser: number | null;
};

/** The fields of a coupon's hash in Redis. */
export type RedisCouponState = {
  epoch: number;
  title: string;
  quantity: number;
  remaining: number;
  lastSequence: number;
  startDate: number;
  endDate: number;
  perUserLimit: number;
  createdAt: number;
  /** Its creation is not known to be in the log yet. */
  pendingCreation: boolean;
};

export type RedisCoupon = {
  /** null: a name without a coupon, as after a creation that was refused. */
  state: RedisCouponState | null;
  /** By user id. */
  holders: Map<string, HeldAssignment[]>;
  outbox: { eventId: string; decidedAt: number }[];
  /** Ids of decided events that wait for nothing: the log refused them. */
  setAside: string[];
  /** The hash was the same before and after the holders were read, so the two can be compared. */
  steady: boolean;
};

export type RedisFacts = {
  /** Redis' clock when the verification began. */
  beganAt: number;
  /** Ends of the log right before Redis was read, by `placeOf`: what lies below was decided by then. */
  logEndsBefore: Map<string, number>;
  /** null: there is no gate, so nothing may be decided. */
  gateEpoch: number | null;
  coupons: Map<string, RedisCoupon>;
};

export type CouponRow = {
  title: string;
  quantity: number;
  perUserLimit: number;
  startDate: number;
  endDate: number;
  createdAt: number;
  epoch: number;
};

export type AssignmentRow = {
  couponId: string;
  userId: string;
  nthOfUser: number;
  sequence: number;
  assignedAt: number;
  epoch: number;
};

export type Checkpoint = {
  topic: string;
  partition: number;
  nextOffset: number;
  highestMarker: number | null;
  applied: number;
  repeated: number;
  fenced: number;
  markers: number;
  deadLettered: number;
};

/** The read model, all of it seen at one moment. */
export type TableFacts = {
  /** By coupon id. */
  coupons: Map<string, CouponRow>;
  /** Counter of issued units, by coupon id. */
  issued: Map<string, number>;
  /** By assignment id. */
  assignments: Map<string, AssignmentRow>;
  checkpoints: Checkpoint[];
  /**
   * Positions of the original records that wait for an operator, or that one discarded, as
   * `positionOf` spells them.
   */
  parked: Set<string>;
};

/** What the clients of one coupon were told: written down before each request was sent. */
export type ClientLedger = {
  couponId: string;
  /** What each key was told with 201, once, in the order of the answers; two keys may have been told the same. */
  accepted: ToldAssignment[];
  /** Users who asked and never got an answer that settles it. */
  unknownUsers: Set<string>;
  /** Every answer that settles a request, in the order in which they came. */
  answers: ClientAnswer[];
  /** How far the clients' clock may be from that of Redis, in milliseconds. */
  clockDoubtMs: number;
};

/** Why a request was refused, for good or at that time; `other`: what this verifier can't judge. */
export type Refusal =
  | 'coupon-not-found'
  | 'not-started'
  | 'ended'
  | 'sold-out'
  | 'limit-reached'
  | 'key-reused'
  | 'other';

/** A request under a key, and what its sender was told; the moments are by the clients' clock. */
export type ClientAnswer = {
  userId: string;
  key: string;
  sentAt: number;
  answeredAt: number;
} & (
  | { kind: 'accepted'; told: ToldAssignment; replayed: boolean }
  /** `named`: ids of the assignments that the refusal gives as its reason. */
  | { kind: 'refused'; refusal: Refusal; named: string[] }
);
export type ToldAssignment = {
  assignmentId: string;
  userId: string;
  sequence: number;
  assignedAt: number;
};

export type Facts = {
  /** Only this coupon was read; null: everything. */
  couponId: string | null;
  /** The newest epoch that was claimed, looked up after the log was read; null: none ever was. */
  newestClaim: number | null;
  log: LogPartition[];
  /** Ends of the log when the verification began, by `placeOf`: the projection should be there by now. */
  projectionTarget: Map<string, number>;
  redis: RedisFacts;
  tables: TableFacts;
  /** Positions of the original records that have a copy in a dead letter topic. */
  deadLetters: Set<string>;
  /** Ids of events in a dead letter topic that never were in the log, because it refused them. */
  refused: Set<string>;
  ledger: ClientLedger | null;
};

/** The name of a partition in facts and findings: `coupon-assign/2`. */
export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** The name of a record in facts and findings, with its partition's: `coupon-assign/2/1041`. */
export function positionOf(place: string, offset: number): string {
  return `${place}/${offset}`;
}
