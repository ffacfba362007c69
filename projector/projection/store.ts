// Rows and the checkpoint of their partition, in one transaction: what makes every record count
// exactly once, however often and by however many projectors it is consumed.
import type { Knex } from 'knex';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';
import type { NonEmpty } from '../../platform/bisect-batch.ts';
import type { DecodeResult } from '../consumed-record.ts';
import type { Projection } from './project.ts';
import { LIVE_TABLES, type ReadTables } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** How many consumed records had each disposition; each record has exactly one. */
export type DispositionCounts = {
  applied: number;
  repeated: number;
  fenced: number;
  markers: number;
  deadLettered: number;
};

/** What a batch does beside moving its checkpoint. */
type Change = {
  counts: DispositionCounts;
  highestMarker: number | null;
  /** By coupon: how many assignments were really inserted. */
  issued: ReadonlyMap<string, number>;
};

/** `gap`: the batch begins past the checkpoint, so nothing was done. */
export type ApplyOutcome =
  | { kind: 'applied'; nextOffset: bigint; counts: DispositionCounts }
  | { kind: 'gap'; nextOffset: bigint };

/**
 * Makes the changes of records, inside the transaction, without moving the checkpoint.
 * @param highestMarker the highest marker before the first of them
 */
export type MakeChange = (
  trx: Knex.Transaction,
  records: NonEmpty<DecodeResult>,
  highestMarker: number | null,
) => Promise<Change>;

type Row = (string | number)[];

/** Long enough for a batch and for a slow dead letter topic, shorter than a rebalance. */
const TRANSACTION_LIMIT_MS = 20_000;

/** The counts of no records. */
export const ZERO_COUNTS: DispositionCounts = {
  applied: 0,
  repeated: 0,
  fenced: 0,
  markers: 0,
  deadLettered: 0,
};

/** The sum of two counts. */
export function addCounts(a: DispositionCounts, b: DispositionCounts): DispositionCounts {
  return {
    applied: a.applied + b.applied,
    repeated: a.repeated + b.repeated,
    fenced: a.fenced + b.fenced,
    markers: a.markers + b.markers,
    deadLettered: a.deadLettered + b.deadLettered,
  };
}

/**
 * Applies consecutive records of one partition and moves its checkpoint past them, or does neither.
 * Records below the checkpoint are dropped: they were applied before. A transaction on the live
 * tables goes through from begin to end on one set of them: none is put in their place meanwhile.
 * @throws what MySQL or `makeChange` throws; nothing was done then, except that a lost connection
 * can hide a commit: doing the same again finds out
 */
export async function applyOnce(
  db: Knex,
  records: NonEmpty<DecodeResult>,
  makeChange: MakeChange,
  tables: ReadTables = LIVE_TABLES,
): Promise<ApplyOutcome> {
  const { topic, partition, offset } = records[0].record;
  return inTransaction(db, TRANSACTION_LIMIT_MS, async (trx) => {
    // First, and holding nothing: a wait here is a wait for a swap, and ends with the new tables.
    if (tables === LIVE_TABLES) await trx('projection_generation').forShare().first('generation');
    const { nextOffset, highestMarker } = await lockCheckpoint(trx, tables, topic, partition);
    if (offset > nextOffset) return { kind: 'gap', nextOffset };
    const fresh =
      offset === nextOffset ? records : records.filter(({ record }) => record.offset >= nextOffset);
    const last = fresh.at(-1);
    if (last === undefined) return { kind: 'applied', nextOffset, counts: ZERO_COUNTS };
    const change = await makeChange(trx, fresh as [DecodeResult, ...DecodeResult[]], highestMarker);
    const next = last.record.offset + 1n;
    await moveCheckpoint(trx, tables, { topic, partition, next }, change);
    // Last: the row of a coupon that everybody wants is locked no longer than the commit takes.
    await addIssued(trx, change.issued, tables);
    return { kind: 'applied', nextOffset: next, counts: change.counts };
  });
}

/** The offset that the projection of a partition is waiting for; 0 when it never began. */
export async function readNextOffset(
  db: Knex,
  topic: string,
  partition: number,
  tables: ReadTables = LIVE_TABLES,
): Promise<bigint> {
  const row = await db(tables.checkpoints)
    .where({ topic, partition_id: partition })
    .first('next_offset');
  return row === undefined ? 0n : BigInt(row.next_offset);
}

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
         (id, title, quantity, per_user_limit, start_date, end_date, created_at, epoch) VALUES ?`,
      [tables.coupons, rowsOf(newCoupons.map(toCouponRow))],
    );
  }
  if (newAssignments.length > 0) {
    await trx.raw(
      `INSERT INTO ??
         (id, coupon_id, user_id, nth_of_user, sequence, assigned_at, epoch) VALUES ?`,
      [tables.assignments, rowsOf(newAssignments.map(toAssignmentRow))],
    );
  }
  const issued = new Map<string, number>();
  for (const { couponId } of newAssignments) issued.set(couponId, (issued.get(couponId) ?? 0) + 1);
  const applied = newCoupons.length + newAssignments.length;
  return { applied, repeated: coupons.length + assignments.length - applied, issued };
}

/** A time in milliseconds as DATETIME(3) takes it, in UTC. */
export function toDateTime(timeMs: number): string {
  const text = new Date(timeMs).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}`;
}

async function lockCheckpoint(
  trx: Knex.Transaction,
  tables: ReadTables,
  topic: string,
  partition: number,
): Promise<{ nextOffset: bigint; highestMarker: number | null }> {
  const select = () =>
    trx(tables.checkpoints)
      .where({ topic, partition_id: partition })
      .forUpdate()
      .first('next_offset', 'highest_marker');
  let row = await select();
  if (row === undefined) {
    // Another projector may begin the same partition now: the second insert waits and changes nothing.
    await trx.raw(
      `INSERT INTO ??
         (topic, partition_id, next_offset, highest_marker, applied, repeated, fenced, markers,
          dead_lettered, updated_at)
       VALUES (?, ?, 0, NULL, 0, 0, 0, 0, 0, UTC_TIMESTAMP(3))
       ON DUPLICATE KEY UPDATE partition_id = VALUES(partition_id)`,
      [tables.checkpoints, topic, partition],
    );
    row = await select();
  }
  return {
    nextOffset: BigInt(row.next_offset),
    highestMarker: row.highest_marker === null ? null : Number(row.highest_marker),
  };
}

async function moveCheckpoint(
  trx: Knex.Transaction,
  tables: ReadTables,
  { topic, partition, next }: { topic: string; partition: number; next: bigint },
  { counts, highestMarker }: Change,
): Promise<void> {
  await trx.raw(
    `UPDATE ??
     SET next_offset = ?, highest_marker = ?, applied = applied + ?, repeated = repeated + ?,
         fenced = fenced + ?, markers = markers + ?, dead_lettered = dead_lettered + ?,
         updated_at = UTC_TIMESTAMP(3)
     WHERE topic = ? AND partition_id = ?`,
    [
      tables.checkpoints,
      next.toString(),
      highestMarker,
      counts.applied,
      counts.repeated,
      counts.fenced,
      counts.markers,
      counts.deadLettered,
      topic,
      partition,
    ],
  );
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

async function withoutExisting<T extends { eventId: string }>(
  trx: Knex.Transaction,
  table: string,
  events: T[],
): Promise<T[]> {
  if (events.length === 0) return events;
  const [rows] = await trx.raw('SELECT id FROM ?? WHERE id IN (?)', [
    table,
    events.map(({ eventId }) => eventId),
  ]);
  if (rows.length === 0) return events;
  const existing = new Set(rows.map(({ id }: { id: string }) => id));
  return events.filter(({ eventId }) => !existing.has(eventId));
}

/** Rows for `VALUES ?`: mysql2 writes them as (…), (…), each value escaped; knex's types don't know. */
function rowsOf(rows: readonly Row[]): Knex.Value {
  return rows as unknown as Knex.Value;
}

function toCouponRow(event: CouponCreated): Row {
  return [
    event.couponId,
    event.title,
    event.quantity,
    event.perUserLimit,
    toDateTime(event.startDate),
    toDateTime(event.endDate),
    toDateTime(event.occurredAt),
    event.epoch,
  ];
}

function toAssignmentRow(event: CouponAssigned): Row {
  return [
    event.assignmentId,
    event.couponId,
    event.userId,
    event.nthOfUser,
    event.sequence,
    toDateTime(event.occurredAt),
    event.epoch,
  ];
}
