// What a caller may ask for, after parsing: every field is inside its bounds.

/** The caller's Idempotency-Key and the hash of the request that it came with. */
export type RequestKey = { idempotencyKey: string; requestHash: string };

/** The fields of an event that keep its request's idempotency key; both null without a key. */
export function keyFieldsOf(key: RequestKey | null): {
  idempotencyKey: string | null;
  requestHash: string | null;
} {
  return { idempotencyKey: key?.idempotencyKey ?? null, requestHash: key?.requestHash ?? null };
}

export type CreateCoupon = {
  couponId: string;
  title: string;
  quantity: number;
  /** Milliseconds since 1970 (UTC), like every time in the domain. */
  startDate: number;
  endDate: number;
  perUserLimit: number;
  /** Never without one: the caller of a lost answer could only create a second coupon. */
  key: RequestKey;
};

export type AssignCoupon = {
  couponId: string;
  /** The id that the assignment gets if there is one. */
  assignmentId: string;
  userId: string;
  key: RequestKey | null;
};

/** The bounds of a command's fields; the parsers, the docs and the read side share them. */
export const LIMITS = {
  titleCharacters: 100,
  quantity: 1_000_000,
  perUserLimit: 100,
  userIdCharacters: 64,
  idempotencyKeyCharacters: 128,
  /** The years a date may lie in: far enough for any sale, and inside MySQL's DATETIME. */
  firstYear: 2000,
  lastYear: 9999,
} as const;
