// Rows of the read model, written as the projector would write them.
import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';

/** A moment that is long past, so that nothing here depends on today. */
export const PAST = Date.UTC(2020, 0, 1, 12, 0, 0, 123);
const FAR = Date.UTC(2999, 11, 31);

type CouponFields = {
  id: string;
  title: string;
  quantity: number;
  perUserLimit: number;
  startDate: number;
  endDate: number;
  createdAt: number;
  issued: number;
};

/** Writes a coupon that runs for ever and its counter. @returns its id */
export async function insertCoupon(db: Knex, fields: Partial<CouponFields> = {}): Promise<string> {
  const { id = randomUUID(), issued = 0 } = fields;
  await db('coupons').insert({
    id,
    title: fields.title ?? '선착순 커피 쿠폰 ☕',
    quantity: fields.quantity ?? 10,
    per_user_limit: fields.perUserLimit ?? 1,
    start_date: new Date(fields.startDate ?? PAST),
    end_date: new Date(fields.endDate ?? FAR),
    created_at: new Date(fields.createdAt ?? PAST),
    epoch: 0,
  });
  if (issued > 0) await db('coupon_counters').insert({ coupon_id: id, issued });
  return id;
}

type AssignmentFields = {
  id: string;
  couponId: string;
  userId: string;
  sequence: number;
  nthOfUser: number;
  assignedAt: number;
};

/** Writes assignments, in a few statements. @returns their ids, in the order given */
export async function insertAssignments(
  db: Knex,
  assignments: Partial<AssignmentFields>[],
): Promise<string[]> {
  const rows = assignments.map((fields) => ({
    id: fields.id ?? randomUUID(),
    coupon_id: fields.couponId ?? randomUUID(),
    user_id: fields.userId ?? randomUUID(),
    nth_of_user: fields.nthOfUser ?? 1,
    sequence: fields.sequence ?? 1,
    assigned_at: new Date(fields.assignedAt ?? PAST),
    epoch: 0,
  }));
  for (let at = 0; at < rows.length; at += 500) {
    await db('assignments').insert(rows.slice(at, at + 500));
  }
  return rows.map(({ id }) => id);
}

/** Moves the projection of a partition on: everything below `nextOffset` was dealt with. */
export async function moveCheckpoint(
  db: Knex,
  topic: string,
  partition: number,
  nextOffset: number,
): Promise<void> {
  await db('projection_checkpoints')
    .insert({
      topic,
      partition_id: partition,
      next_offset: nextOffset,
      highest_marker: 0,
      applied: nextOffset,
      repeated: 0,
      fenced: 0,
      markers: 0,
      dead_lettered: 0,
      updated_at: new Date(),
    })
    .onConflict(['topic', 'partition_id'])
    .merge(['next_offset', 'applied']);
}
