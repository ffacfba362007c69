// The lists of the query API: their tables, rows and orders.
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../contracts/topics.ts';
import type { SelectedAssignment, SelectedCoupon } from './stored-rows.ts';
import type { SequenceKey, SqlPart, TimeKey, WalkedList } from './walk.ts';

/** What makes a `SelectedCoupon` of the table's columns. */
export const COUPON_COLUMNS = {
  id: 'id',
  title: 'title',
  quantity: 'quantity',
  per_user_limit: 'per_user_limit',
  start_date: 'start_date',
  end_date: 'end_date',
  created_at: 'created_at',
  // A subquery, not a join: a join may be planned from the counters' side, and then sorted.
  issued: 'COALESCE((SELECT issued FROM coupon_counters WHERE coupon_id = coupons.id), 0)',
} as const satisfies Record<keyof SelectedCoupon, string>;

/** What makes an `SelectedAssignment` of the table's columns. */
export const ASSIGNMENT_COLUMNS = {
  id: 'id',
  coupon_id: 'coupon_id',
  user_id: 'user_id',
  sequence: 'sequence',
  assigned_at: 'assigned_at',
} as const satisfies Record<keyof SelectedAssignment, string>;

/** All coupons, newest first. */
export const COUPONS: WalkedList<SelectedCoupon, TimeKey> = {
  topic: LIFECYCLE_TOPIC,
  table: 'coupons',
  indexes: { inOrder: 'coupons_by_creation', byApplied: 'coupons_by_applied' },
  columns: COUPON_COLUMNS,
  where: { sql: 'TRUE', values: [] },
  orderBy: 'created_at DESC, id DESC',
  isAfter: (key) => isOlder('created_at', key),
  compare: (a, b) => compareTimes(a.created_at, b.created_at, a.id, b.id),
  isNewestFirst: true,
  highest: null,
  keyOf: ({ created_at, id }) => ({ atMs: created_at.getTime(), id }),
};

/** A coupon's assignments, by sequence. */
export function assignmentsOfCoupon(couponId: string): WalkedList<SelectedAssignment, SequenceKey> {
  return {
    topic: ASSIGN_TOPIC,
    table: 'assignments',
    indexes: {
      inOrder: 'assignments_once_per_sequence',
      byApplied: 'assignments_of_coupon_by_applied',
    },
    columns: ASSIGNMENT_COLUMNS,
    where: { sql: 'coupon_id = ?', values: [couponId] },
    orderBy: 'sequence',
    // Up to the highest there was: above it are only rows that were applied since, maybe very many.
    isAfter: ({ sequence, last }) => ({
      sql: 'sequence > ? AND sequence <= ?',
      values: [sequence, last],
    }),
    compare: (a, b) => Number(a.sequence) - Number(b.sequence),
    isNewestFirst: false,
    highest: 'sequence',
    keyOf: ({ sequence }, before, highest) => ({
      sequence: Number(sequence),
      last: before?.last ?? highest,
    }),
  };
}

/** A user's assignments, newest first. */
export function assignmentsOfUser(userId: string): WalkedList<SelectedAssignment, TimeKey> {
  return {
    topic: ASSIGN_TOPIC,
    table: 'assignments',
    indexes: { inOrder: 'assignments_by_user', byApplied: 'assignments_of_user_by_applied' },
    columns: ASSIGNMENT_COLUMNS,
    where: { sql: 'user_id = ?', values: [userId] },
    orderBy: 'assigned_at DESC, id DESC',
    isAfter: (key) => isOlder('assigned_at', key),
    compare: (a, b) => compareTimes(a.assigned_at, b.assigned_at, a.id, b.id),
    isNewestFirst: true,
    highest: null,
    keyOf: ({ assigned_at, id }) => ({ atMs: assigned_at.getTime(), id }),
  };
}

// `time <= ?` gives the index range; a comparison of pairs alone gives none, and one with OR may be
// read through two indexes and sorted.
function isOlder(time: string, { atMs, id }: TimeKey): SqlPart {
  const at = new Date(atMs);
  return { sql: `${time} <= ? AND (${time}, id) < (?, ?)`, values: [at, at, id] };
}

function compareTimes(a: Date, b: Date, aId: string, bId: string): number {
  return b.getTime() - a.getTime() || (aId < bId ? 1 : -1);
}
