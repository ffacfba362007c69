// A Redis that throws keys away for want of memory, as it does with another policy than noeviction.
import type { Redis } from 'ioredis';

/**
 * Makes Redis evict every key that expires some day, one of its own included, and sets it up as it was
 * again. Sent at once: what is sent next over this connection comes after it.
 */
export async function evictVolatileKeys(redis: Redis, key: string): Promise<void> {
  await Promise.all([
    redis.set(key, 'to be evicted', 'PX', 600_000),
    redis.config('SET', 'maxmemory-policy', 'volatile-lru'),
    redis.config('SET', 'maxmemory', '1'),
    redis.ping(),
    redis.config('SET', 'maxmemory', '0'),
    redis.config('SET', 'maxmemory-policy', 'noeviction'),
  ]);
}
