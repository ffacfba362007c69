// Closes Redis before a rebuild marks the log: nothing of an older epoch can be decided or confirmed
// after that.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../contracts/redis-keys.ts';
import { redisUnavailable } from '../platform/redis.ts';
import type { RebuildLock } from './lock.ts';

/** The Redis that is rebuilt, while its lock is held. */
export type LockedRedis = { redis: Redis; keys: RedisKeys; lock: RebuildLock };

/** Coupons in one step, and keys in one SCAN. */
const COUPONS_AT_ONCE = 100;
const SCAN_COUNT = 5_000;

/**
 * Closes the gate, then every coupon that Redis knows: a closing marker takes its place,
 * and what else was kept of it is removed. Its idempotency keys stay: they name their epoch, and do not count after it.
 * @returns the ids of the coupons that have a closing marker now
 * @throws AppError EPOCH_CLOSED when the lock, the master or the epoch is lost, REDIS_UNAVAILABLE
 */
export async function closeRedis(locked: LockedRedis, epoch: number): Promise<Set<string>> {
  await locked.lock.run('close-gate', epoch, [], []);
  const couponIds = await knownCoupons(locked);
  await closeCoupons(locked, epoch, [...couponIds]);
  return couponIds;
}

/**
 * Puts a closing marker in the place of each of these coupons, whether it is there or not.
 * @throws AppError EPOCH_CLOSED when the lock, the master or the epoch is lost, REDIS_UNAVAILABLE
 */
export async function closeCoupons(
  { keys, lock }: LockedRedis,
  epoch: number,
  couponIds: readonly string[],
): Promise<void> {
  for (let i = 0; i < couponIds.length; i += COUPONS_AT_ONCE) {
    const touched = couponIds
      .slice(i, i + COUPONS_AT_ONCE)
      .flatMap((id) => [
        keys.coupon(id),
        keys.holders(id),
        keys.outbox(id),
        keys.outboxEvents(id),
        keys.unanswered(id),
      ]);
    await lock.run('close-coupons', epoch, touched, []);
  }
}

// The set alone is not enough: a coupon that it lacks must not outlive its epoch.
async function knownCoupons({ redis, keys }: LockedRedis): Promise<Set<string>> {
  try {
    const couponIds = new Set(await redis.smembers(keys.coupons));
    let cursor = '0';
    do {
      const pattern = keys.everyCoupon;
      const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
      for (const key of found) couponIds.add(keys.couponIdOf(key));
      cursor = next;
    } while (cursor !== '0');
    return couponIds;
  } catch (cause) {
    throw redisUnavailable(cause);
  }
}
