// Unknown path, query and headers -> what to read, inside its bounds, or every fault there is. Pure.

import { type Position, parsePositions } from '../../contracts/position.ts';
import type { FieldFault } from '../../contracts/problems.ts';
import { EVENT_TOPICS } from '../../contracts/topics.ts';
import { toUuid } from '../../domain/ids.ts';
import { isUserId, USER_ID_FAULT } from '../../domain/user-id.ts';
import type { SequenceKey, TimeKey, WalkPlace } from '../read-model/walk.ts';
import {
  COUPONS_LIST,
  couponList,
  decodeSequenceCursor,
  decodeTimeCursor,
  userList,
} from './cursor.ts';

export type ParsedQuery<T> =
  | { kind: 'parsed'; value: T }
  | { kind: 'refused'; faults: FieldFault[] };

/** A page to read: at most `limit` items from where a walk is (null: from the start). */
export type Page<Key> = { limit: number; after: WalkPlace<Key> | null };

/** Which events a read must show, and how long it may wait for them. */
export type Freshness = { positions: readonly Position[]; waitMs: number };

/** Query parameters as express gives them: a text, or several of one name. */
type Query = Readonly<Record<string, unknown>>;

const PAGE = { defaultLimit: 100, maxLimit: 1_000 } as const;
const POSITION_WAIT = { defaultSeconds: 2, maxSeconds: 10 } as const;

/** An id in the path, `field` its name there, of a resource that has no query parameters. */
export function parseById(field: string, id: unknown, query: Query): ParsedQuery<string> {
  const faults: FieldFault[] = [];
  const uuid = readUuid(field, id, faults);
  refuseUnknown(query, [], faults);
  return uuid === null || faults.length > 0 ? refused(faults) : parsed(uuid);
}

/** `GET /coupons`. */
export function parseCouponsPage(query: Query): ParsedQuery<Page<TimeKey>> {
  const faults: FieldFault[] = [];
  const page = readPage(query, (text) => decodeTimeCursor(COUPONS_LIST, text), faults);
  return faults.length > 0 ? refused(faults) : parsed(page);
}

/** `GET /coupons/{couponId}/assignments`. */
export function parseCouponAssignments(
  couponId: unknown,
  query: Query,
): ParsedQuery<{ couponId: string; page: Page<SequenceKey> }> {
  const faults: FieldFault[] = [];
  const id = readUuid('couponId', couponId, faults);
  const page = readPage(query, (text) => decodeSequenceCursor(couponList(id ?? ''), text), faults);
  return id === null || faults.length > 0 ? refused(faults) : parsed({ couponId: id, page });
}

/** `GET /users/{userId}/assignments`. */
export function parseUserAssignments(
  userId: unknown,
  query: Query,
): ParsedQuery<{ userId: string; page: Page<TimeKey> }> {
  const faults: FieldFault[] = [];
  const id = isUserId(userId) ? userId : null;
  if (id === null) {
    faults.push({ field: 'userId', problem: 'invalidField', reason: USER_ID_FAULT });
  }
  const page = readPage(query, (text) => decodeTimeCursor(userList(id ?? ''), text), faults);
  return id === null || faults.length > 0 ? refused(faults) : parsed({ userId: id, page });
}

/**
 * The headers `Firstcome-Position` and `Prefer: wait=SECONDS`; null when no position is asked for.
 * Preferences that we don't know are left alone (RFC 7240); a longer wait than ours is cut.
 */
export function parseFreshness(
  positionHeader: string | undefined,
  preferHeader: string | undefined,
): ParsedQuery<Freshness | null> {
  const faults: FieldFault[] = [];
  const positions = positionHeader === undefined ? null : readPositions(positionHeader, faults);
  const waitMs = readWaitMs(preferHeader ?? '', faults);
  if (faults.length > 0) return refused(faults);
  return parsed(positions === null ? null : { positions, waitMs });
}

function readPage<Key>(
  query: Query,
  decode: (text: string) => WalkPlace<Key> | null,
  faults: FieldFault[],
): Page<Key> {
  refuseUnknown(query, ['limit', 'cursor'], faults);
  return { limit: readLimit(query.limit, faults), after: readCursor(query.cursor, decode, faults) };
}

function readLimit(value: unknown, faults: FieldFault[]): number {
  if (value === undefined) return PAGE.defaultLimit;
  const limit = typeof value === 'string' && /^[1-9]\d{0,3}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > PAGE.maxLimit) {
    const reason = `must be a whole number from 1 to ${PAGE.maxLimit}, once`;
    faults.push({ field: 'limit', problem: 'invalidField', reason });
  }
  return limit;
}

function readCursor<Place>(
  value: unknown,
  decode: (text: string) => Place | null,
  faults: FieldFault[],
): Place | null {
  if (value === undefined) return null;
  const place = typeof value === 'string' ? decode(value) : null;
  if (place === null) {
    const reason = 'must be the nextCursor of a page of this very list';
    faults.push({ field: 'cursor', problem: 'invalidCursor', reason });
  }
  return place;
}

function readUuid(field: string, value: unknown, faults: FieldFault[]): string | null {
  const uuid = typeof value === 'string' ? toUuid(value) : null;
  if (uuid === null) faults.push({ field, problem: 'invalidField', reason: 'must be a UUID' });
  return uuid;
}

function refuseUnknown(query: Query, known: readonly string[], faults: FieldFault[]): void {
  for (const name of Object.keys(query)) {
    if (known.includes(name)) continue;
    const reason = 'is not a known query parameter';
    faults.push({ field: name, problem: 'invalidField', reason });
  }
}

function readPositions(text: string, faults: FieldFault[]): Position[] {
  const positions = parsePositions(text) ?? [];
  const topics: readonly string[] = EVENT_TOPICS;
  if (positions.length === 0 || !positions.every(({ topic }) => topics.includes(topic))) {
    const reason = 'must be the header of the same name of a command’s answer';
    faults.push({ field: 'Firstcome-Position', problem: 'invalidField', reason });
  }
  return positions;
}

// Only the first of several preferences of one name counts (RFC 7240).
function readWaitMs(prefer: string, faults: FieldFault[]): number {
  const wait = prefer.split(',').find((preference) => /^\s*wait\s*(?:[=;]|$)/i.test(preference));
  if (wait === undefined) return POSITION_WAIT.defaultSeconds * 1_000;
  const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(wait)?.[1];
  if (seconds === undefined) {
    const reason = 'wait must be a whole number of seconds';
    faults.push({ field: 'Prefer', problem: 'invalidField', reason });
  }
  return Math.min(POSITION_WAIT.maxSeconds, Number(seconds ?? 0)) * 1_000;
}

function parsed<T>(value: T): ParsedQuery<T> {
  return { kind: 'parsed', value };
}

function refused(faults: FieldFault[]): { kind: 'refused'; faults: FieldFault[] } {
  return { kind: 'refused', faults };
}
