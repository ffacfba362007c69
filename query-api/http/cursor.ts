// Cursors: where a page ended. Opaque to the caller, and bound to the list that they were made for.
import { toUuid } from '../../domain/ids.ts';

/** The last item of a page of a list that goes by time, then id. `atMs`: milliseconds since 1970. */
export type TimePlace = { atMs: number; id: string };
/** The last item of a page of a coupon's assignments. */
export type SequencePlace = { sequence: number };

export const COUPONS_LIST = 'coupons';
/** The name of the list of a coupon's assignments. */
export const couponList = (couponId: string): string => `coupon:${couponId}`;
/** The name of the list of a user's assignments. */
export const userList = (userId: string): string => `user:${userId}`;

/** The last moment of the year 9999: MySQL's DATETIME goes no further. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** The longest cursor that we make, of the longest user id, is shorter. */
const MAX_CHARACTERS = 1_024;

/** The cursor for what comes after `place` in `list`. */
export function encodeTimeCursor(list: string, { atMs, id }: TimePlace): string {
  return encode([list, atMs, id]);
}

/** The place in a cursor of `list`; null when `text` is no cursor, or one of another list. */
export function decodeTimeCursor(list: string, text: string): TimePlace | null {
  const [atMs, id, ...rest] = decode(list, text);
  if (rest.length > 0 || typeof id !== 'string' || toUuid(id) !== id) return null;
  return isWholeNumber(atMs, MAX_TIME_MS) ? { atMs, id } : null;
}

/** The cursor for what comes after `place` in `list`. */
export function encodeSequenceCursor(list: string, { sequence }: SequencePlace): string {
  return encode([list, sequence]);
}

/** The place in a cursor of `list`; null when `text` is no cursor, or one of another list. */
export function decodeSequenceCursor(list: string, text: string): SequencePlace | null {
  const [sequence, ...rest] = decode(list, text);
  if (rest.length > 0) return null;
  return isWholeNumber(sequence, Number.MAX_SAFE_INTEGER) ? { sequence } : null;
}

function encode(fields: unknown): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

// What follows the list's name; nothing when `text` is not exactly what `encode` makes.
function decode(list: string, text: string): unknown[] {
  if (text.length > MAX_CHARACTERS) return [];
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return [];
  }
  if (!Array.isArray(fields) || fields[0] !== list || encode(fields) !== text) return [];
  return fields.slice(1);
}

function isWholeNumber(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}
