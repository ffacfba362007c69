// A coupon and its assignments as tests speak of them; a field that matters to a test is named there.
import type { AssignCoupon, CreateCoupon, RequestKey } from '../../domain/commands.ts';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';

export const NOW = Date.UTC(2026, 5, 1, 12);
const HOUR = 3_600_000;
export const COUPON_ID = 'c0c0c0c0-0000-4000-8000-000000000001';

/** The assignment id number `n`. */
export function assignmentId(n: number): string {
  return `a0a0a0a0-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/** A request's key; the hash stands for what was asked. */
export function keyed(idempotencyKey: string, requestHash = 'hash'): RequestKey {
  return { idempotencyKey, requestHash };
}

/** A command for a coupon of 10 units, one for each user, that runs from an hour ago for a day. */
export function createCommand(fields: Partial<CreateCoupon> = {}): CreateCoupon {
  return {
    couponId: COUPON_ID,
    title: '커피 ☕',
    quantity: 10,
    startDate: NOW - HOUR,
    endDate: NOW + 23 * HOUR,
    perUserLimit: 1,
    key: null,
    ...fields,
  };
}

export function assignCommand(fields: Partial<AssignCoupon> = {}): AssignCoupon {
  return {
    couponId: COUPON_ID,
    assignmentId: assignmentId(99),
    userId: 'ann',
    key: null,
    ...fields,
  };
}

/** The event of `createCommand`, decided an hour ago. */
export function couponCreated(fields: Partial<CouponCreated> = {}): CouponCreated {
  const { key: _none, ...usual } = createCommand();
  return {
    type: 'CouponCreated',
    eventId: fields.couponId ?? COUPON_ID,
    epoch: 0,
    occurredAt: NOW - HOUR,
    idempotencyKey: null,
    requestHash: null,
    ...usual,
    ...fields,
  };
}

/** The assignment with sequence `sequence`; it is decided that many seconds after the coupon. */
export function couponAssigned(
  sequence: number,
  fields: Partial<CouponAssigned> = {},
): CouponAssigned {
  return {
    type: 'CouponAssigned',
    eventId: assignmentId(sequence),
    epoch: 0,
    occurredAt: NOW - HOUR + sequence * 1_000,
    idempotencyKey: null,
    requestHash: null,
    assignmentId: assignmentId(sequence),
    couponId: COUPON_ID,
    userId: 'ann',
    sequence,
    nthOfUser: 1,
    ...fields,
  };
}
