// The real Redis, under a key prefix that no other test uses.
import type { Redis } from 'ioredis';
import { createRedis } from '../../../platform/redis.ts';
import { silentLogger } from '../silent-logger.ts';
import { addressOf } from './addresses.ts';

const DELETED_AT_ONCE = 1_000;

/**
 * A connected client, made as the services make theirs; close it with `disconnect`.
 * @throws what kept it from connecting; it does not try again then
 */
export async function connectRedis(url = addressOf('REDIS_URL')): Promise<Redis> {
  const redis = createRedis({ url, commandTimeoutMs: 20_000 }, silentLogger());
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return redis;
}

/** The names of all keys that begin with `prefix`. */
export async function keysWith(redis: Redis, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found].sort();
}

/** Deletes all keys that begin with `prefix`. */
export async function deleteKeysWith(redis: Redis, prefix: string): Promise<void> {
  const keys = await keysWith(redis, prefix);
  // ioredis dies of more arguments than fit on the stack, by an error that nobody can catch.
  for (let i = 0; i < keys.length; i += DELETED_AT_ONCE) {
    await redis.unlink(...keys.slice(i, i + DELETED_AT_ONCE));
  }
}
