// Unknown input -> a command inside its bounds, or every fault that it has. Pure.
import { createHash, hash, randomUUID } from 'node:crypto';
import type { FieldFault, ProblemName } from '../../contracts/problems.ts';
import {
  type AssignCoupon,
  type CreateCoupon,
  LIMITS,
  type RequestKey,
} from '../../domain/commands.ts';
import { toUuid } from '../../domain/ids.ts';
import { isUserId } from '../../domain/user-id.ts';

export type Parsed<T> = { kind: 'parsed'; command: T } | { kind: 'refused'; faults: FieldFault[] };

const ISO_WITH_ZONE =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})$/;
const KEY = /^[\x21-\x7e]+$/;
const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}]/u;

/** `POST /coupons`: the body, and the Idempotency-Key header if there is one. */
export function parseCreate(body: unknown, keyHeader: string | undefined): Parsed<CreateCoupon> {
  const faults: FieldFault[] = [];
  const fields = readFields(
    body,
    ['title', 'quantity', 'startDate', 'endDate', 'perUserLimit'],
    faults,
  );
  const title = readTitle(fields.title, faults);
  const quantity = readInteger(
    'quantity',
    fields.quantity,
    0,
    LIMITS.quantity,
    'invalidQuantity',
    faults,
  );
  const startDate = readDate('startDate', fields.startDate, faults);
  const endDate = readDate('endDate', fields.endDate, faults);
  if (startDate !== null && endDate !== null && endDate <= startDate) {
    faults.push({ field: 'endDate', problem: 'invalidDates', reason: 'must be after startDate' });
  }
  const perUserLimit =
    fields.perUserLimit === undefined
      ? 1
      : readInteger(
          'perUserLimit',
          fields.perUserLimit,
          1,
          LIMITS.perUserLimit,
          'invalidField',
          faults,
        );
  const idempotencyKey = readKey(keyHeader, faults);
  if (title === null || quantity === null || startDate === null || endDate === null) {
    return { kind: 'refused', faults };
  }
  if (perUserLimit === null || faults.length > 0) return { kind: 'refused', faults };
  const meaning = ['create', title, quantity, startDate, endDate, perUserLimit];
  return {
    kind: 'parsed',
    command: {
      couponId: idempotencyKey === null ? randomUUID() : couponIdOf(idempotencyKey),
      title,
      quantity,
      startDate,
      endDate,
      perUserLimit,
      key: toRequestKey(idempotencyKey, meaning),
    },
  };
}

/**
 * `POST /coupons/{couponId}/assign`: the path's id, the body, the Idempotency-Key header.
 * `newAssignmentId`: gives the id that the assignment has if there is one.
 */
export function parseAssign(
  couponId: string,
  body: unknown,
  keyHeader: string | undefined,
  newAssignmentId: () => string = randomUUID,
): Parsed<AssignCoupon> {
  const faults: FieldFault[] = [];
  const fields = readFields(body, ['userId'], faults);
  const { userId } = fields;
  const id = toUuid(couponId);
  if (id === null) {
    faults.push({ field: 'couponId', problem: 'invalidField', reason: 'must be a UUID' });
  }
  if (!isUserId(userId)) {
    faults.push({
      field: 'userId',
      problem: 'invalidField',
      reason: `must be a text of 1 to ${LIMITS.userIdCharacters} printable characters`,
    });
  }
  const idempotencyKey = readKey(keyHeader, faults);
  if (faults.length > 0 || id === null || !isUserId(userId)) return { kind: 'refused', faults };
  return {
    kind: 'parsed',
    command: {
      couponId: id,
      assignmentId: newAssignmentId(),
      userId,
      key: toRequestKey(idempotencyKey, ['assign', id, userId]),
    },
  };
}

function readFields(
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
        field: field.slice(0, 100),
        problem: 'invalidField',
        reason: 'is not a known field',
      });
    }
  }
  return body as Record<string, unknown>;
}

function readTitle(value: unknown, faults: FieldFault[]): string | null {
  const fault = (problem: ProblemName, reason: string): null => {
    faults.push({ field: 'title', problem, reason });
    return null;
  };
  if (value === undefined) return fault('titleEmpty', 'is missing');
  if (typeof value !== 'string') return fault('invalidField', 'must be a text');
  const title = value.trim();
  if (title === '') return fault('titleEmpty', 'must not be empty');
  if ([...title].length > LIMITS.titleCharacters) {
    return fault('titleTooLong', `must have at most ${LIMITS.titleCharacters} characters`);
  }
  if (CONTROL_OR_LONE_SURROGATE.test(title)) {
    return fault('invalidField', 'must hold no control characters and no broken ones');
  }
  return title;
}

function readInteger(
  field: string,
  value: unknown,
  min: number,
  max: number,
  problem: ProblemName,
  faults: FieldFault[],
): number | null {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    // -0 is 0.
    return value + 0;
  }
  faults.push({ field, problem, reason: `must be a whole number from ${min} to ${max}` });
  return null;
}

function readDate(field: string, value: unknown, faults: FieldFault[]): number | null {
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

// Date.parse alone rolls 30 February over into March; so the parts are compared with what it made.
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

function readKey(header: string | undefined, faults: FieldFault[]): string | null {
  if (header === undefined) return null;
  if (header.length <= LIMITS.idempotencyKeyCharacters && KEY.test(header)) return header;
  faults.push({
    field: 'Idempotency-Key',
    problem: 'invalidField',
    reason: `must be 1 to ${LIMITS.idempotencyKeyCharacters} visible ASCII characters`,
  });
  return null;
}

function toRequestKey(idempotencyKey: string | null, meaning: unknown[]): RequestKey | null {
  if (idempotencyKey === null) return null;
  return { idempotencyKey, requestHash: hash('sha256', JSON.stringify(meaning), 'base64url') };
}

/**
 * The id of the coupon that a request with this key creates: the same key, the same coupon, with no
 * second place in Redis to remember it by. A UUID of version 8 (RFC 9562, made from a hash).
 */
function couponIdOf(idempotencyKey: string): string {
  const bytes = createHash('sha256')
    .update(`firstcome coupon ${idempotencyKey}`)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
