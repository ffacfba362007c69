// What was read, before anything is checked: the log, Redis, the read model, the dead letters, and what
// clients were answered. Times are milliseconds since 1970 (UTC); offsets are exact as numbers.
import type { LogEvent } from '../domain/coupon-events.ts';

/** One record of an event topic; `event` is null when the bytes are no event that can be read, or discarded. */
export type RecordFacts = { offset: number; event: LogEvent | null; isDiscarded?: true };

/** One partition as far as it was read: every record with `firstOffset` <= offset < `endOffset`. */
export type PartitionFacts = {
  /** Logical name. */
  topic: string;
  partition: number;
  firstOffset: number;
  endOffset: number;
  records: RecordFacts[];
  /** Ranges of offsets that have no record, as the broker gave them: control records of transactions. */
  vacant: { from: number; to: number }[];
};

/** An assignment as it stands in the holders of a coupon in Redis. */
export type RedisAssignment = {
  assignmentId: string;
  sequence: number;
  assignedAt: number;
  /** null: not in Redis. */
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
  holders: Map<string, RedisAssignment[]>;
  outbox: { eventId: string; decidedAt: number }[];
  /** Ids of decided events that the log refused: out of the outbox, and not in the log. */
  quarantined: string[];
  /** The hash was the same before and after the holders were read, so the two can be compared. */
  steady: boolean;
};

export type RedisFacts = {
  /** Redis' clock when the verification began. */
  beganAt: number;
  /** Ends of the log right before Redis was read, by `topicPartitionOf`: what lies below was decided by then. */
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

export type CheckpointRow = {
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
  checkpoints: CheckpointRow[];
  /**
   * Positions of the original records that wait for an operator, or that one discarded, as
   * `positionOf` spells them.
   */
  parked: Set<string>;
};

/** What the clients of one coupon asked and were answered; each request is in it before it is sent. */
export type ClientLedger = {
  couponId: string;
  /** The assignment that each key was answered with (201), once, in the order of the answers; two keys may have got the same. */
  accepted: AnsweredAssignment[];
  /** Users who asked and never got a final answer. */
  unknownUsers: Set<string>;
  /** Every final answer, in the order in which they came. */
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

/** A request under a key, and its answer; the moments are by the clients' clock. */
export type ClientAnswer = {
  userId: string;
  key: string;
  sentAt: number;
  answeredAt: number;
} & (
  | { kind: 'accepted'; assignment: AnsweredAssignment; replayed: boolean }
  /** `named`: ids of the assignments that the refusal gives as its reason. */
  | { kind: 'refused'; refusal: Refusal; named: string[] }
);

/** An assignment as an answer gave it. */
export type AnsweredAssignment = {
  assignmentId: string;
  userId: string;
  sequence: number;
  assignedAt: number;
};

export type SystemFacts = {
  /** Only this coupon was read; null: everything. */
  couponId: string | null;
  /** The newest epoch that was claimed, looked up after the log was read; null: none ever was. */
  newestClaim: number | null;
  log: PartitionFacts[];
  /** Ends of the log when the verification began, by `topicPartitionOf`: the projection should be there by now. */
  projectionTarget: Map<string, number>;
  redis: RedisFacts;
  tables: TableFacts;
  /** Positions of the original records that have a copy in a dead letter topic. */
  deadLetters: Set<string>;
  /** Ids of events in a dead letter topic that never were in the log, because it refused them. */
  refused: Set<string>;
  ledger: ClientLedger | null;
};

/** The name of a record in facts and findings, with its partition's: `coupon-assign/2/1041`. */
export function positionOf(topicPartition: string, offset: number): string {
  return `${topicPartition}/${offset}`;
}
