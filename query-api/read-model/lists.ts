// The lists of the query API: their tables, rows and orders.
import type { Knex } from 'knex';
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../contracts/topics.ts';
import type { StoredAssignmentRow, StoredCouponRow } from './stored-rows.ts';
import type { AppliedRow } from './take-since.ts';
import type { SequenceKey, TimeKey, WalkedList } from './walk.ts';

/** All coupons, newest first. */
export function couponsList(db: Knex): WalkedList<StoredCouponRow & AppliedRow, TimeKey> {
  return {
    topic: LIFECYCLE_TOPIC,
    rows: (index) => through(db, 'coupons', index),
    indexes: { inOrder: 'coupons_by_creation', byApplied: 'coupons_by_applied' },
    columns: { ...couponColumns(db), ...APPLIED_COLUMNS },
    inOrder: (rows, after) => newestFirst(rows, 'created_at', after),
    compare: (a, b) => compareTimes(a.created_at, b.created_at, a.id, b.id),
    isNewestFirst: true,
    highest: null,
    keyOf: ({ created_at, id }) => ({ atMs: created_at.getTime(), id }),
  };
}

/** A coupon's assignments, by sequence. */
export function assignmentsOfCoupon(
  db: Knex,
  couponId: string,
): WalkedList<StoredAssignmentRow & AppliedRow, SequenceKey> {
  return {
    topic: ASSIGN_TOPIC,
    rows: (index) => through(db, 'assignments', index).where('coupon_id', couponId),
    indexes: {
      inOrder: 'assignments_once_per_sequence',
      byApplied: 'assignments_of_coupon_by_applied',
    },
    columns: { ...ASSIGNMENT_COLUMNS, ...APPLIED_COLUMNS },
    inOrder: (rows, after) => {
      rows.orderBy('sequence');
      // Up to the highest there was: above it are only rows that were applied since, maybe very many.
      if (after !== null) {
        rows.where('sequence', '>', after.sequence).where('sequence', '<=', after.last);
      }
    },
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
export function assignmentsOfUser(
  db: Knex,
  userId: string,
): WalkedList<StoredAssignmentRow & AppliedRow, TimeKey> {
  return {
    topic: ASSIGN_TOPIC,
    rows: (index) => through(db, 'assignments', index).where('user_id', userId),
    indexes: { inOrder: 'assignments_by_user', byApplied: 'assignments_of_user_by_applied' },
    columns: { ...ASSIGNMENT_COLUMNS, ...APPLIED_COLUMNS },
    inOrder: (rows, after) => newestFirst(rows, 'assigned_at', after),
    compare: (a, b) => compareTimes(a.assigned_at, b.assigned_at, a.id, b.id),
    isNewestFirst: true,
    highest: null,
    keyOf: ({ assigned_at, id }) => ({ atMs: assigned_at.getTime(), id }),
  };
}

/** The columns of a coupon's row. */
export function couponColumns(db: Knex): Record<keyof StoredCouponRow, string | Knex.Raw> {
  return {
    id: 'id',
    title: 'title',
    quantity: 'quantity',
    per_user_limit: 'per_user_limit',
    start_date: 'start_date',
    end_date: 'end_date',
    created_at: 'created_at',
    // A subquery, not a join: a join may be planned from the counters' side, and then sorted.
    issued: db.raw(
      'COALESCE((SELECT issued FROM coupon_counters WHERE coupon_id = coupons.id), 0)',
    ),
  };
}

/** The columns of an assignment's row. */
export const ASSIGNMENT_COLUMNS = {
  id: 'id',
  coupon_id: 'coupon_id',
  user_id: 'user_id',
  sequence: 'sequence',
  assigned_at: 'assigned_at',
} as const satisfies Record<keyof StoredAssignmentRow, string>;

const APPLIED_COLUMNS = {
  applied_partition: 'applied_partition',
  applied_offset: 'applied_offset',
} as const satisfies Record<keyof AppliedRow, string>;

// Inside a UNION, MariaDB does not take the limit into account: it may scan and sort a whole table.
function through(db: Knex, table: string, index: string): Knex.QueryBuilder {
  return db.from(db.raw('?? FORCE INDEX (??)', [table, index]));
}

// `time <= ?` gives the index range; a comparison of pairs alone gives none, and one with OR may be
// read through two indexes and sorted.
function newestFirst(rows: Knex.QueryBuilder, time: string, after: TimeKey | null): void {
  rows.orderBy(time, 'desc').orderBy('id', 'desc');
  if (after === null) return;
  const at = new Date(after.atMs);
  rows.where(time, '<=', at).whereRaw('(??, id) < (?, ?)', [time, at, after.id]);
}

function compareTimes(a: Date, b: Date, aId: string, bId: string): number {
  return b.getTime() - a.getTime() || (aId < bId ? 1 : -1);
}
