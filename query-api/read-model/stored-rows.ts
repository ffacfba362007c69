// Rows as MySQL gives them, and what they are to the rest of the query API. Pure.
import type { StoredAssignment, StoredCoupon } from '../http/resources.ts';

/** A coupon with its counter. Big numbers may come as text: the driver keeps them exact. */
export type SelectedCoupon = {
  id: string;
  title: string;
  quantity: number;
  per_user_limit: number;
  start_date: Date;
  end_date: Date;
  created_at: Date;
  issued: number | string;
};

export type SelectedAssignment = {
  id: string;
  coupon_id: string;
  user_id: string;
  sequence: number | string;
  assigned_at: Date;
};

/** The coupon in a row. */
export function toCoupon(row: SelectedCoupon): StoredCoupon {
  return {
    id: row.id,
    title: row.title,
    quantity: row.quantity,
    perUserLimit: row.per_user_limit,
    startDate: row.start_date.getTime(),
    endDate: row.end_date.getTime(),
    createdAt: row.created_at.getTime(),
    issued: Number(row.issued),
  };
}

/** The assignment in a row. */
export function toAssignment(row: SelectedAssignment): StoredAssignment {
  return {
    id: row.id,
    couponId: row.coupon_id,
    userId: row.user_id,
    sequence: Number(row.sequence),
    assignedAt: row.assigned_at.getTime(),
  };
}
