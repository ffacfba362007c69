// Events to rows: what a stretch of one partition's log changes in the read model. Pure.

import { type AppliedPosition, appliedPositionOf } from '../../contracts/applied-position.ts';
import { TOPICS_OF_RECORD } from '../../contracts/event-record.ts';
import type { CouponAssigned, CouponCreated, LogEvent } from '../../domain/coupon-events.ts';
import { higherMarker, isFenced } from '../../domain/fencing.ts';
import type { DeadLetter, DecodeResult } from '../consumed-record.ts';

/** An event, and where in the log it was found: in its own topic, or in the dead letter topic. */
export type AppliedEvent<Event> = { event: Event; applied: AppliedPosition };

/** What a stretch of the log comes to. Every record of it is in exactly one of the parts; vacant offsets are in none. */
export type Projection = {
  /** Coupons and assignments to be there, each id once, in the order of the log. */
  coupons: AppliedEvent<CouponCreated>[];
  assignments: AppliedEvent<CouponAssigned>[];
  /** Events whose id came earlier in the same stretch. */
  repeated: number;
  /** Events of an epoch that was over in this partition. */
  fenced: number;
  /** `EpochStarted` records. */
  markers: number;
  deadLetters: DeadLetter[];
  /** The highest marker up to the end of the stretch. */
  highestMarker: number | null;
};

/** The last millisecond that a DATETIME can hold. */
const LAST_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Projects consecutive records of one partition of `topic`.
 * @param highestMarker the highest marker before the first of them, null when there was none
 */
export function project(
  topic: string,
  records: readonly DecodeResult[],
  highestMarker: number | null,
): Projection {
  const projection: Projection = {
    coupons: [],
    assignments: [],
    repeated: 0,
    fenced: 0,
    markers: 0,
    deadLetters: [],
    highestMarker,
  };
  const seen = new Set<string>();
  for (const decoded of records) {
    if (decoded.kind === 'vacant') continue;
    if (decoded.kind === 'poison') {
      const { record, poison } = decoded;
      projection.deadLetters.push({ record, poison, highestMarker: projection.highestMarker });
      continue;
    }
    const reason = rejectionOf(topic, decoded.event);
    if (reason === null) {
      addEvent(projection, seen, decoded.event, appliedPositionOf(decoded.record));
      continue;
    }
    projection.deadLetters.push({
      record: decoded.record,
      poison: { code: 'RECORD_REJECTED', reason, attempts: 1 },
      highestMarker: projection.highestMarker,
    });
  }
  return projection;
}

function addEvent(
  projection: Projection,
  seen: Set<string>,
  event: LogEvent,
  applied: AppliedPosition,
): void {
  if (event.type === 'EpochStarted') {
    projection.highestMarker = higherMarker(projection.highestMarker, event.epoch);
    projection.markers += 1;
    return;
  }
  // Before the ids are compared: a fenced copy must not take the place of a valid one.
  if (isFenced(event.epoch, projection.highestMarker)) {
    projection.fenced += 1;
    return;
  }
  if (seen.has(event.eventId)) {
    projection.repeated += 1;
    return;
  }
  seen.add(event.eventId);
  if (event.type === 'CouponCreated') projection.coupons.push({ event, applied });
  else projection.assignments.push({ event, applied });
}

function rejectionOf(topic: string, event: LogEvent): string | null {
  const topics: readonly string[] = TOPICS_OF_RECORD[event.type];
  if (!topics.includes(topic)) return `${event.type} has no place in ${topic}`;
  // A marker's time is stored nowhere, and a marker that is not seen is worse than a wrong time.
  if (event.type === 'EpochStarted') return null;
  if (event.occurredAt > LAST_TIME_MS) return 'occurredAt is past the year 9999';
  if (event.type === 'CouponCreated' && event.endDate > LAST_TIME_MS) {
    return 'endDate is past the year 9999';
  }
  return null;
}
