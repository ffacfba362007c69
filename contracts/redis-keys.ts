// The names of everything in Redis: the only place where they are spelled. The braces keep all keys
// of one coupon in one slot of a Redis Cluster.

export type RedisKeys = ReturnType<typeof createRedisKeys>;

/** The key names under a prefix ('' in production; tests take a random one). */
export function createRedisKeys(prefix: string) {
  return {
    /**
     * Hash {epoch, replicationId, evictedKeys, partitions}: whether, for which epoch, and for which
     * partitions of the event topics (contracts/partitions.ts) this Redis may decide, if it has evicted
     * no further key. During a rebuild it is {closing, evictedKeys}: the epoch that comes next.
     */
    gate: `${prefix}firstcome:gate`,
    /** String: the token of the one rebuilder that may write; expires. */
    rebuildLock: `${prefix}firstcome:rebuild-lock`,
    /** Set of coupon ids: every coupon whose outbox the relay looks at. Written with its creation. */
    coupons: `${prefix}firstcome:coupons`,
    /**
     * Glob pattern of `coupon` of every coupon. Without a `*`: a million idempotency keys are refused
     * by their length, which takes a seventh of the time.
     */
    everyCoupon: `${prefix.replaceAll(/[*?[\\]/g, '\\$&')}coupon:{????????-????-????-????-????????????}`,
    /** The id in the name of a coupon's key. */
    couponIdOf: (key: string): string => key.slice(`${prefix}coupon:{`.length, -1),
    /** Hash: epoch, title, quantity, remaining, lastSequence, startDate, endDate, perUserLimit, createdAt, requestHash, pendingCreation; or {epoch: 'closing', closing}, its closing marker, during a rebuild. */
    coupon: (couponId: string) => `${prefix}coupon:{${couponId}}`,
    /** Hash user id -> that user's assignments, oldest first: `id/sequence/assignedAt/nthOfUser` joined by commas. */
    holders: (couponId: string) => `${prefix}coupon:{${couponId}}:holders`,
    /** Sorted set event id -> when it was decided: events that are to be emitted until the log has them. */
    outbox: (couponId: string) => `${prefix}coupon:{${couponId}}:outbox`,
    /**
     * Hash event id -> the event as JSON, for the same events as `outbox`, and for those that the log
     * refused and that are quarantined: they are emitted again only when somebody asks for them.
     */
    outboxEvents: (couponId: string) => `${prefix}coupon:{${couponId}}:outbox-events`,
    /** Set of ids of confirmed assignments that are unanswered: no answer is known to have named them. */
    unanswered: (couponId: string) => `${prefix}coupon:{${couponId}}:unanswered`,
    /** String `epoch|requestHash|assignment as in holders`: what one idempotency key stands for; expires. */
    idempotency: (couponId: string, key: string) => `${prefix}coupon:{${couponId}}:key:${key}`,
  };
}
