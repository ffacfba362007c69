// The read model as facts, all of it as it was at one moment.
import type { Knex } from 'knex';
import { UNAPPLIED_STATUSES } from '../../contracts/dead-letter.ts';
import { topicPartitionOf } from '../../contracts/position.ts';
import { EVENT_TOPICS } from '../../contracts/topics.ts';
import {
  type AssignmentRow,
  type CheckpointRow,
  type CouponRow,
  positionOf,
  type TableFacts,
} from '../facts.ts';

/**
 * Checkpoints, coupons, counters, assignments and parked dead letters, seen in one transaction;
 * with `couponId` only the rows of that coupon. Rows are streamed.
 */
export function readTables(db: Knex, couponId: string | null): Promise<TableFacts> {
  return db.transaction(
    async (trx) => {
      // First: it makes the transaction's snapshot, so no row is from before its checkpoint.
      const checkpoints = await readCheckpoints(trx);
      return {
        checkpoints,
        coupons: await readCoupons(trx, couponId),
        issued: await readIssued(trx, couponId),
        assignments: await readAssignments(trx, couponId),
        parked: await readParked(trx),
      };
    },
    { isolationLevel: 'repeatable read' },
  );
}

type Row = Record<string, unknown>;

/** Where the projection has got to in each partition. */
export async function readCheckpoints(db: Knex): Promise<CheckpointRow[]> {
  const rows: Row[] = await db('projection_checkpoints').whereIn('topic', EVENT_TOPICS).select('*');
  return rows.map((row) => ({
    topic: String(row.topic),
    partition: Number(row.partition_id),
    nextOffset: Number(row.next_offset),
    highestMarker: row.highest_marker === null ? null : Number(row.highest_marker),
    applied: Number(row.applied),
    repeated: Number(row.repeated),
    fenced: Number(row.fenced),
    markers: Number(row.markers),
    deadLettered: Number(row.dead_lettered),
  }));
}

async function readCoupons(trx: Knex, couponId: string | null): Promise<Map<string, CouponRow>> {
  const rows: Row[] = await trx('coupons')
    .where((where) => void (couponId !== null && where.where('id', couponId)))
    .select('id', 'title', 'quantity', 'per_user_limit', 'epoch')
    .select(milliseconds(trx, 'start_date'), milliseconds(trx, 'end_date'))
    .select(milliseconds(trx, 'created_at'));
  return new Map(
    rows.map((row) => [
      String(row.id),
      {
        title: String(row.title),
        quantity: Number(row.quantity),
        perUserLimit: Number(row.per_user_limit),
        startDate: Number(row.start_date),
        endDate: Number(row.end_date),
        createdAt: Number(row.created_at),
        epoch: Number(row.epoch),
      },
    ]),
  );
}

async function readIssued(trx: Knex, couponId: string | null): Promise<Map<string, number>> {
  const rows: Row[] = await trx('coupon_counters')
    .where((where) => void (couponId !== null && where.where('coupon_id', couponId)))
    .select('coupon_id', 'issued');
  return new Map(rows.map((row) => [String(row.coupon_id), Number(row.issued)]));
}

async function readAssignments(
  trx: Knex,
  couponId: string | null,
): Promise<Map<string, AssignmentRow>> {
  const rows = trx('assignments')
    .where((where) => void (couponId !== null && where.where('coupon_id', couponId)))
    .select('id', 'coupon_id', 'user_id', 'nth_of_user', 'sequence', 'epoch')
    .select(milliseconds(trx, 'assigned_at'))
    .stream({ highWaterMark: 1_000 });
  const assignments = new Map<string, AssignmentRow>();
  // A million rows are of few coupons: their ids are kept once.
  const couponIds = new Map<string, string>();
  for await (const row of rows as AsyncIterable<Row>) {
    const ownCouponId = String(row.coupon_id);
    const sharedCouponId = couponIds.get(ownCouponId) ?? ownCouponId;
    couponIds.set(sharedCouponId, sharedCouponId);
    assignments.set(String(row.id), {
      couponId: sharedCouponId,
      userId: String(row.user_id),
      nthOfUser: Number(row.nth_of_user),
      sequence: Number(row.sequence),
      assignedAt: Number(row.assigned_at),
      epoch: Number(row.epoch),
    });
  }
  return assignments;
}

async function readParked(trx: Knex): Promise<Set<string>> {
  const rows: Row[] = await trx('dead_letters')
    .whereIn('status', UNAPPLIED_STATUSES)
    .select('topic', 'partition_id', 'record_offset');
  return new Set(
    rows.map((row) =>
      positionOf(
        topicPartitionOf(String(row.topic), Number(row.partition_id)),
        Number(row.record_offset),
      ),
    ),
  );
}

// As a number, by the server: quicker than a Date a row, and no time zone has a say in it.
function milliseconds(db: Knex, column: string): Knex.Raw {
  return db.raw(`TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ??) DIV 1000 AS ??`, [column, column]);
}
