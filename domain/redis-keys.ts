// The names of everything in Redis: the only place where they are spelled. The braces keep all keys
// of one coupon in one slot of a Redis Cluster.

export type RedisKeys = ReturnType<typeof createRedisKeys>;

/** The key names under a prefix ('' in production; tests take a random one). */
export function createRedisKeys(prefix: string) {
  return {
    /** Hash {epoch, replicationId}: whether, and for which epoch, this Redis may decide. */
    gate: `${prefix}firstcome:gate`,
    /** Set of coupon ids: every coupon whose outbox the relay looks at. Written with its creation. */
    coupons: `${prefix}firstcome:coupons`,
    /** Hash: epoch, title, quantity, remaining, lastSequence, startDate, endDate, perUserLimit, createdAt, requestHash, pendingCreation. */
    coupon: (couponId: string) => `${prefix}coupon:{${couponId}}`,
    /** Hash user id -> that user's assignments, oldest first: `id/sequence/assignedAt` joined by commas. */
    holders: (couponId: string) => `${prefix}coupon:{${couponId}}:holders`,
    /** Sorted set event id -> when it was decided: events not known to be in the log yet. */
    outbox: (couponId: string) => `${prefix}coupon:{${couponId}}:outbox`,
    /** Hash event id -> the event as JSON, for the same events as `outbox`. */
    outboxEvents: (couponId: string) => `${prefix}coupon:{${couponId}}:outbox-events`,
    /** Set of assignment ids that the relay confirmed and nobody was told of. */
    unanswered: (couponId: string) => `${prefix}coupon:{${couponId}}:unanswered`,
    /** String `epoch/requestHash/assignmentId/userId`-like record of one idempotency key; expires. */
    idempotency: (couponId: string, key: string) => `${prefix}coupon:{${couponId}}:key:${key}`,
  };
}
