// Coupons, assignments and counters of issued units as rows, inside a transaction.
import type { Knex } from 'knex';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';
import type { AppliedEvent, Projection } from './project.ts';
import { LIVE_TABLES, type ReadTables } from './tables.ts';

type Row = (string | number)[];

/**
 * Inserts what is not there yet. The ids that are there are looked for, not skipped by INSERT
 * IGNORE: that would hide every other broken constraint.
 * @returns how many rows were inserted, how many were there, and which coupons they are of
 */
export async function insertRows(
  trx: Knex.Transaction,
  { coupons, assignments }: Pick<Projection, 'coupons' | 'assignments'>,
  tables: ReadTables = LIVE_TABLES,
): Promise<{ applied: number; repeated: number; issued: Map<string, number> }> {
  const newCoupons = await withoutExisting(trx, tables.coupons, coupons);
  const newAssignments = await withoutExisting(trx, tables.assignments, assignments);
  if (newCoupons.length > 0) {
    await trx.raw(
      `INSERT INTO ??
         (id, title, quantity, per_user_limit, start_date, end_date, created_at, epoch,
          applied_partition, applied_offset) VALUES ?`,
      [tables.coupons, rowsOf(newCoupons.map(toCouponRow))],
    );
  }
  if (newAssignments.length > 0) {
    await trx.raw(
      `INSERT INTO ??
         (id, coupon_id, user_id, nth_of_user, sequence, assigned_at, epoch,
          applied_partition, applied_offset) VALUES ?`,
      [tables.assignments, rowsOf(newAssignments.map(toAssignmentRow))],
    );
  }
  const issued = new Map<string, number>();
  for (const { event } of newAssignments) {
    issued.set(event.couponId, (issued.get(event.couponId) ?? 0) + 1);
  }
  const applied = newCoupons.length + newAssignments.length;
  return { applied, repeated: coupons.length + assignments.length - applied, issued };
}

/** A time in milliseconds as DATETIME(3) takes it, in UTC. */
export function toDateTime(timeMs: number): string {
  const text = new Date(timeMs).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}`;
}

/** Adds to the coupons' counters of issued units; by coupon, how many were issued now. */
export async function addIssued(
  trx: Knex.Transaction,
  issued: ReadonlyMap<string, number>,
  tables: ReadTables = LIVE_TABLES,
): Promise<void> {
  if (issued.size === 0) return;
  // In one order for all projectors: two of them must not wait for each other.
  const rows = [...issued].sort(([a], [b]) => (a < b ? -1 : 1));
  await trx.raw(
    `INSERT INTO ?? (coupon_id, issued) VALUES ?
     ON DUPLICATE KEY UPDATE issued = issued + VALUES(issued)`,
    [tables.counters, rowsOf(rows)],
  );
}

async function withoutExisting<Event extends { eventId: string }>(
  trx: Knex.Transaction,
  table: string,
  events: AppliedEvent<Event>[],
): Promise<AppliedEvent<Event>[]> {
  if (events.length === 0) return events;
  const [rows] = await trx.raw('SELECT id FROM ?? WHERE id IN (?)', [
    table,
    events.map(({ event }) => event.eventId),
  ]);
  if (rows.length === 0) return events;
  const existing = new Set(rows.map(({ id }: { id: string }) => id));
  return events.filter(({ event }) => !existing.has(event.eventId));
}

/** Rows for `VALUES ?`: mysql2 writes them as (…), (…), each value escaped; knex's types don't know. */
function rowsOf(rows: readonly Row[]): Knex.Value {
  return rows as unknown as Knex.Value;
}

function toCouponRow({ event, applied }: AppliedEvent<CouponCreated>): Row {
  return [
    event.couponId,
    event.title,
    event.quantity,
    event.perUserLimit,
    toDateTime(event.startDate),
    toDateTime(event.endDate),
    toDateTime(event.occurredAt),
    event.epoch,
    applied.partition,
    applied.offset,
  ];
}

function toAssignmentRow({ event, applied }: AppliedEvent<CouponAssigned>): Row {
  return [
    event.assignmentId,
    event.couponId,
    event.userId,
    event.nthOfUser,
    event.sequence,
    toDateTime(event.occurredAt),
    event.epoch,
    applied.partition,
    applied.offset,
  ];
}
