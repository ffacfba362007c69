// The fields of requests: unknown input to values inside their bounds, or every fault that they have.
// Pure.
import { hash } from 'node:crypto';
import type { FieldFault, ProblemName } from '../../contracts/problems.ts';
import { LIMITS, type RequestKey } from '../../domain/commands.ts';
import { toUuid } from '../../domain/ids.ts';
import { isVisible } from '../../domain/text.ts';
import { isUserId, USER_ID_FAULT } from '../../domain/user-id.ts';

/** What a request asks for, or why it is not acceptable. */
export type Parsed<T> = { kind: 'parsed'; request: T } | { kind: 'refused'; faults: FieldFault[] };

const ISO_WITH_ZONE =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})$/;
const KEY = /^[\x21-\x7e]+$/;
const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}]/u;

/**
 * The members of a JSON object; no member but those in `known` is accepted. This one, and every reader
 * below, adds what is wrong to `faults`.
 */
export function readFields(
  body: unknown,
  known: readonly string[],
  faults: FieldFault[],
): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    faults.push({ field: '', problem: 'invalidField', reason: 'the body must be a JSON object' });
    return {};
  }
  for (const field of Object.keys(body)) {
    if (!known.includes(field)) {
      faults.push({
        field,
        problem: 'invalidField',
        reason: 'is not a known field',
      });
    }
  }
  return body as Record<string, unknown>;
}

/** A title: trimmed, showing something, without control characters; null when it is none. */
export function readTitle(value: unknown, faults: FieldFault[]): string | null {
  const fault = (problem: ProblemName, reason: string): null => {
    faults.push({ field: 'title', problem, reason });
    return null;
  };
  if (value === undefined) return fault('titleEmpty', 'is missing');
  if (typeof value !== 'string') return fault('invalidField', 'must be a text');
  const title = value.trim();
  if (title === '') return fault('titleEmpty', 'must not be empty');
  if (!isVisible(title)) return fault('titleEmpty', 'must show something');
  if ([...title].length > LIMITS.titleCharacters) {
    return fault('titleTooLong', `must have at most ${LIMITS.titleCharacters} characters`);
  }
  if (CONTROL_OR_LONE_SURROGATE.test(title)) {
    return fault('invalidField', 'must hold no control characters and no broken ones');
  }
  return title;
}

/** A whole number from `min` to `max`; null when it is none. */
export function readInteger(
  field: string,
  value: unknown,
  { min, max, problem }: { min: number; max: number; problem: ProblemName },
  faults: FieldFault[],
): number | null {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    // -0 is 0.
    return value + 0;
  }
  faults.push({ field, problem, reason: `must be a whole number from ${min} to ${max}` });
  return null;
}

/** An instant in ms since 1970 (UTC) from ISO 8601 text with a zone; null when it is none. */
export function readDate(field: string, value: unknown, faults: FieldFault[]): number | null {
  const ms = typeof value === 'string' ? instantOf(value) : null;
  if (ms === null) {
    faults.push({
      field,
      problem: 'invalidDates',
      reason: `must be an ISO 8601 date and time with a zone, from the year ${LIMITS.firstYear} to ${LIMITS.lastYear}`,
    });
  }
  return ms;
}

// Date.UTC alone rolls 30 February over into March, and takes the year 99 for 1999; so the parts are
// compared with what it made.
function instantOf(text: string): number | null {
  const match = ISO_WITH_ZONE.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ms,
  );
  const parts = new Date(local);
  const isReal =
    parts.getUTCFullYear() === Number(year) &&
    parts.getUTCMonth() === Number(month) - 1 &&
    parts.getUTCDate() === Number(day) &&
    parts.getUTCHours() === Number(hour) &&
    parts.getUTCMinutes() === Number(minute) &&
    parts.getUTCSeconds() === Number(second);
  const offset = offsetMinutesOf(zone);
  if (!isReal || offset === null) return null;
  const instant = local - offset * 60_000;
  const utcYear = new Date(instant).getUTCFullYear();
  return utcYear >= LIMITS.firstYear && utcYear <= LIMITS.lastYear ? instant : null;
}

function offsetMinutesOf(zone: string): number | null {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > 14 * 60) return null;
  return zone.startsWith('-') ? -total : total;
}

/** The Idempotency-Key header; null when there is none, or a faulty one. */
export function readKey(header: string | undefined, faults: FieldFault[]): string | null {
  if (header === undefined) return null;
  if (header.length <= LIMITS.idempotencyKeyCharacters && KEY.test(header)) return header;
  faults.push({
    field: 'Idempotency-Key',
    problem: 'invalidField',
    reason: `must be 1 to ${LIMITS.idempotencyKeyCharacters} visible ASCII characters`,
  });
  return null;
}

/** The Idempotency-Key header of a request that needs one; null when it is missing or faulty. */
export function readRequiredKey(header: string | undefined, faults: FieldFault[]): string | null {
  if (header !== undefined) return readKey(header, faults);
  faults.push({ field: 'Idempotency-Key', problem: 'keyMissing', reason: 'is missing' });
  return null;
}

/** A UUID in lower case; null when it is none. */
export function readUuid(field: string, value: string, faults: FieldFault[]): string | null {
  const id = toUuid(value);
  if (id === null) faults.push({ field, problem: 'invalidField', reason: 'must be a UUID' });
  return id;
}

/** A user id; null when it is none. */
export function readUserId(value: unknown, faults: FieldFault[]): string | null {
  if (isUserId(value)) return value;
  faults.push({ field: 'userId', problem: 'invalidField', reason: USER_ID_FAULT });
  return null;
}

/** The key with the hash of `meaning`: what the request asks for, in a fixed order. */
export function toRequestKey(idempotencyKey: string, meaning: unknown[]): RequestKey {
  return { idempotencyKey, requestHash: hash('sha256', JSON.stringify(meaning), 'base64url') };
}
