// What callers see: rows of the read model as resources. Pure.

/** A coupon as the read model has it. Times in milliseconds since 1970. */
export type StoredCoupon = {
  id: string;
  title: string;
  quantity: number;
  perUserLimit: number;
  startDate: number;
  endDate: number;
  createdAt: number;
  issued: number;
};

/** An assignment as the read model has it. `assignedAt` in milliseconds since 1970. */
export type StoredAssignment = {
  id: string;
  couponId: string;
  userId: string;
  sequence: number;
  assignedAt: number;
};

type CouponStatus = 'scheduled' | 'running' | 'sold-out' | 'ended';

/**
 * What a new user would be answered at `nowMs`, in the order in which a command is checked: the window
 * first (the start belongs to it, the end does not), then the stock.
 */
export function couponStatus(
  coupon: Pick<StoredCoupon, 'startDate' | 'endDate' | 'quantity' | 'issued'>,
  nowMs: number,
): CouponStatus {
  if (nowMs < coupon.startDate) return 'scheduled';
  if (nowMs >= coupon.endDate) return 'ended';
  return coupon.issued >= coupon.quantity ? 'sold-out' : 'running';
}

/** The resource of `GET /coupons/{couponId}`. */
export function toCouponResource(coupon: StoredCoupon, nowMs: number) {
  return {
    id: coupon.id,
    title: coupon.title,
    quantity: coupon.quantity,
    startDate: new Date(coupon.startDate).toISOString(),
    endDate: new Date(coupon.endDate).toISOString(),
    perUserLimit: coupon.perUserLimit,
    createdAt: new Date(coupon.createdAt).toISOString(),
    status: couponStatus(coupon, nowMs),
    issued: coupon.issued,
    remaining: coupon.quantity - coupon.issued,
  };
}

/** The resource of `GET /assignments/{assignmentId}`. */
export function toAssignmentResource(assignment: StoredAssignment) {
  return {
    assignmentId: assignment.id,
    couponId: assignment.couponId,
    userId: assignment.userId,
    sequence: assignment.sequence,
    assignedAt: new Date(assignment.assignedAt).toISOString(),
  };
}

/** One page of a walk; `toCursor`: the cursor for where it goes on. */
export function toPage<Row, Resource, Place>(
  { rows, next }: { rows: readonly Row[]; next: Place | null },
  toResource: (row: Row) => Resource,
  toCursor: (next: Place) => string,
): { items: Resource[]; nextCursor: string | null } {
  return { items: rows.map(toResource), nextCursor: next && toCursor(next) };
}
