// Cursors: where a walk over a list goes on. Opaque to the caller, and bound to the list that they were
// made for. Those of the first version don't say what their walk has seen: they are refused.
import { toUuid } from '../../domain/ids.ts';
import type { Reach } from '../read-model/reach.ts';
import type { SequenceKey, TimeKey, WalkPlace } from '../read-model/walk.ts';

export const COUPONS_LIST = 'coupons';
/** The name of the list of a coupon's assignments. */
export const couponList = (couponId: string): string => `coupon:${couponId}`;
/** The name of the list of a user's assignments. */
export const userList = (userId: string): string => `user:${userId}`;

/** The last moment of the year 9999: MySQL's DATETIME goes no further. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const VERSION = 2;
/** One of the longest user id and 400 partitions is shorter; Node takes 16 KiB of headers in all. */
const MAX_CHARACTERS = 10_000;

/** The cursor for what comes after `place` in `list`. */
export function encodeTimeCursor(list: string, { reach, after }: WalkPlace<TimeKey>): string {
  return encode(list, reach, after === null ? [] : [after.atMs, after.id]);
}

/** The place in a cursor of `list`; null when `text` is no cursor, or one of another list. */
export function decodeTimeCursor(list: string, text: string): WalkPlace<TimeKey> | null {
  return decode(list, text, ([atMs, id, ...rest]) => {
    if (rest.length > 0 || typeof id !== 'string' || toUuid(id) !== id) return null;
    return isWholeNumber(atMs, MAX_TIME_MS) ? { atMs, id } : null;
  });
}

/** The cursor for what comes after `place` in `list`. */
export function encodeSequenceCursor(
  list: string,
  { reach, after }: WalkPlace<SequenceKey>,
): string {
  return encode(list, reach, after === null ? [] : [after.sequence, after.last]);
}

/** The place in a cursor of `list`; null when `text` is no cursor, or one of another list. */
export function decodeSequenceCursor(list: string, text: string): WalkPlace<SequenceKey> | null {
  return decode(list, text, ([sequence, last, ...rest]) => {
    if (rest.length > 0 || !isOffset(sequence) || !isOffset(last)) return null;
    return { sequence, last };
  });
}

// The reach as two lists of offsets: of the topic's partitions, and of its dead letter topic's.
function encode(list: string, reach: Reach, key: readonly unknown[]): string {
  const offsets: number[] = [];
  const deadLetterOffsets: number[] = [];
  for (const [partition, offset] of reach) {
    if (partition >= 0) offsets[partition] = offset;
    else deadLetterOffsets[-1 - partition] = offset;
  }
  const lists = [offsets, deadLetterOffsets].map((some) => Array.from(some, (one) => one ?? 0));
  return pack([VERSION, list, ...lists, ...key]);
}

// `toKey` makes a key of what is behind the reach, or null. A cursor without a key has nothing there.
function decode<Key>(
  list: string,
  text: string,
  toKey: (fields: unknown[]) => Key | null,
): WalkPlace<Key> | null {
  const [version, ofList, offsets, deadLetterOffsets, ...fields] = unpack(text);
  if (version !== VERSION || ofList !== list) return null;
  if (!isOffsets(offsets) || !isOffsets(deadLetterOffsets)) return null;
  // Without an entry a partition is at 0: no cursor makes more of them than there are.
  const reach = new Map(
    [
      ...offsets.map((offset, partition) => [partition, offset] as const),
      ...deadLetterOffsets.map((offset, partition) => [-1 - partition, offset] as const),
    ].filter(([, offset]) => offset > 0),
  );
  if (fields.length === 0) return { reach, after: null };
  const after = toKey(fields);
  return after && { reach, after };
}

function pack(fields: unknown): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

// Nothing when `text` is not exactly what `pack` makes.
function unpack(text: string): unknown[] {
  if (text.length > MAX_CHARACTERS) return [];
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return [];
  }
  return Array.isArray(fields) && pack(fields) === text ? fields : [];
}

function isOffsets(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isOffset);
}

function isOffset(value: unknown): value is number {
  return isWholeNumber(value, Number.MAX_SAFE_INTEGER);
}

function isWholeNumber(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}
