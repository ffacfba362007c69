// From records of the log to the domain's events: which record may be in which topic, and what a decoded
// record has to hold to be an event.
import type {
  CouponAssigned,
  CouponCreated,
  EpochClaimed,
  LogEvent,
} from '../domain/coupon-events.ts';
import type { SnapshotChunk, SnapshotCompleted } from './snapshot.ts';
import { ASSIGN_TOPIC, EPOCHS_TOPIC, LIFECYCLE_TOPIC, SNAPSHOTS_TOPIC } from './topics.ts';

/** The logical topics that each record may be in. The record's name is the event's type. */
export const TOPICS_OF_RECORD = {
  CouponCreated: [LIFECYCLE_TOPIC],
  CouponAssigned: [ASSIGN_TOPIC],
  EpochStarted: [LIFECYCLE_TOPIC, ASSIGN_TOPIC],
  EpochClaimed: [EPOCHS_TOPIC],
  SnapshotChunk: [SNAPSHOTS_TOPIC],
  SnapshotCompleted: [SNAPSHOTS_TOPIC],
} as const satisfies Record<RecordName, readonly string[]>;
export type RecordName =
  | LogEvent['type']
  | EpochClaimed['type']
  | SnapshotChunk['type']
  | SnapshotCompleted['type'];

/** A decoded record contradicts what its type promises. Trying again never helps. */
export class MalformedEvent extends Error {
  constructor(recordName: string, reason: string) {
    super(`${recordName}: ${reason}`);
    this.name = 'MalformedEvent';
  }
}

/** The name of the record that carries this event. */
export function recordNameOf(event: { type: RecordName }): RecordName {
  return event.type;
}

/**
 * The event in a decoded record of an event topic. Upper bounds (LIMITS of commands.ts) are not
 * checked: the decision checked them, and they may have been others then.
 * @throws MalformedEvent when the record is of another kind, a field is missing, of a wrong type or
 * below its lowest value, unknown fields are there, or ids contradict each other
 */
export function toLogEvent(name: string, fields: Readonly<Record<string, unknown>>): LogEvent {
  switch (name) {
    case 'CouponCreated':
      return toCouponCreated(fields);
    case 'CouponAssigned':
      return toCouponAssigned(fields);
    case 'EpochStarted':
      return {
        type: 'EpochStarted',
        ...readFields('EpochStarted', fields, { eventId: uuid, epoch: from0, occurredAt: time }),
      };
    default:
      throw new MalformedEvent(name, 'not a record of an event topic');
  }
}

/**
 * As `toLogEvent`, for readers that need no reason.
 * @returns null when `toLogEvent` would throw MalformedEvent
 */
export function logEventOrNull(
  name: string,
  fields: Readonly<Record<string, unknown>>,
): LogEvent | null {
  try {
    return toLogEvent(name, fields);
  } catch (error) {
    if (error instanceof MalformedEvent) return null;
    throw error;
  }
}

function toCouponCreated(fields: Readonly<Record<string, unknown>>): CouponCreated {
  const event: CouponCreated = {
    type: 'CouponCreated',
    ...readFields('CouponCreated', fields, {
      eventId: uuid,
      epoch: from0,
      occurredAt: time,
      idempotencyKey: textOrNull,
      requestHash: textOrNull,
      couponId: uuid,
      title: text,
      quantity: from0,
      startDate: time,
      endDate: time,
      perUserLimit: from1,
    }),
  };
  demand(event.type, event.eventId === event.couponId, 'eventId is not couponId');
  demand(event.type, event.startDate < event.endDate, 'endDate is not after startDate');
  demandKeyWithHash(event);
  return event;
}

function toCouponAssigned(fields: Readonly<Record<string, unknown>>): CouponAssigned {
  const event: CouponAssigned = {
    type: 'CouponAssigned',
    ...readFields('CouponAssigned', fields, {
      eventId: uuid,
      epoch: from0,
      occurredAt: time,
      idempotencyKey: textOrNull,
      requestHash: textOrNull,
      assignmentId: uuid,
      couponId: uuid,
      userId: text,
      sequence: from1,
      nthOfUser: from1,
    }),
  };
  demand(event.type, event.eventId === event.assignmentId, 'eventId is not assignmentId');
  demandKeyWithHash(event);
  return event;
}

/** Gives the value if it is what the field may hold; undefined if it is not. */
type FieldReader<T> = (value: unknown) => T | undefined;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const uuid: FieldReader<string> = (value) =>
  typeof value === 'string' && UUID.test(value) ? value : undefined;
const text: FieldReader<string> = (value) =>
  typeof value === 'string' && value !== '' ? value : undefined;
const textOrNull: FieldReader<string | null> = (value) => (value === null ? null : text(value));
const wholeFrom =
  (min: number): FieldReader<number> =>
  (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min ? value : undefined;
const from0 = wholeFrom(0);
const from1 = wholeFrom(1);
const time = wholeFrom(0);

function readFields<T extends object>(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  readers: { [K in keyof T]: FieldReader<T[K]> },
): T {
  const event: Partial<T> = {};
  for (const field in readers) {
    const value = readers[field](fields[field]);
    if (value === undefined) {
      throw new MalformedEvent(name, `${field} is missing or not what it may be`);
    }
    event[field] = value;
  }
  for (const field of Object.keys(fields)) {
    if (!Object.hasOwn(readers, field)) throw new MalformedEvent(name, `unknown field ${field}`);
  }
  return event as T;
}

function demandKeyWithHash(event: CouponCreated | CouponAssigned): void {
  demand(
    event.type,
    (event.idempotencyKey === null) === (event.requestHash === null),
    'idempotencyKey and requestHash are not both there or both absent',
  );
}

function demand(name: string, holds: boolean, reason: string): void {
  if (!holds) throw new MalformedEvent(name, reason);
}
