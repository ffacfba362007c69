// Invariants 1 and 2 while it happens: they must hold at any time, not only when all is well again.
import type { Redis } from 'ioredis';
import type { Knex } from 'knex';
import { createRedisKeys } from '../../contracts/redis-keys.ts';
import { pause } from '../../platform/backoff.ts';
import type { FaultEnvironment } from '../faults/environment.ts';
import { connectRedis } from '../support/system/redis.ts';

export type Watch = {
  /** Ends the watching. @returns how often it looked, and what was not as it must be */
  end(): Promise<{ looks: number; breaches: string[] }>;
};

const LOOK_EVERY_MS = 1_000;
const PATIENCE_MS = 2_000;

/** Looks at stock and holders in Redis and in the tables, whenever they can be reached. */
export function startWatch(
  { system, load }: FaultEnvironment,
  quantity: number,
  perUserLimit: number,
): Watch {
  const ended = new AbortController();
  const breaches = new Set<string>();
  let looks = 0;
  const coupon = { id: load.couponId, quantity, perUserLimit };
  const keys = createRedisKeys(system.variables.REDIS_KEY_PREFIX ?? '');

  const lookAt = async (look: () => Promise<string[]>): Promise<void> => {
    // What can't be reached at the moment says nothing.
    const found = await Promise.race([
      look().catch(() => null),
      pause(PATIENCE_MS, ended.signal).then(() => null),
    ]);
    if (found !== null) looks += 1;
    for (const breach of found ?? []) breaches.add(breach);
  };
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await lookAt(() => lookAtTables(system.database.db, coupon));
      await lookAt(async () => {
        const redis = await connectRedis(system.variables.REDIS_URL);
        try {
          return await lookAtRedis(redis, keys, coupon);
        } finally {
          redis.disconnect();
        }
      });
      await pause(LOOK_EVERY_MS, ended.signal);
    }
  };
  const watching = watch();
  return {
    end: async () => {
      ended.abort();
      await watching;
      return { looks, breaches: [...breaches] };
    },
  };
}

type Coupon = { id: string; quantity: number; perUserLimit: number };

async function lookAtTables(db: Knex, coupon: Coupon): Promise<string[]> {
  const counted = await db('assignments')
    .where('coupon_id', coupon.id)
    .count({ rows: '*' })
    .first();
  const greedy = await db('assignments')
    .where('coupon_id', coupon.id)
    .groupBy('user_id')
    .havingRaw('COUNT(*) > ?', [coupon.perUserLimit])
    .select('user_id');
  return breachesIn('in the tables', Number(counted?.rows), greedy.length, coupon);
}

async function lookAtRedis(
  redis: Redis,
  keys: ReturnType<typeof createRedisKeys>,
  coupon: Coupon,
): Promise<string[]> {
  const remaining = await redis.hget(keys.coupon(coupon.id), 'remaining');
  const holders = await redis.hvals(keys.holders(coupon.id));
  const held = holders.map((packed) => packed.split(',').length);
  const greedy = held.filter((count) => count > coupon.perUserLimit).length;
  const sum = held.reduce((total, count) => total + count, 0);
  return [
    ...(Number(remaining) < 0 ? [`in Redis: ${remaining} remaining`] : []),
    ...breachesIn('in Redis', sum, greedy, coupon),
  ];
}

function breachesIn(where: string, held: number, greedy: number, { quantity }: Coupon): string[] {
  return [
    ...(held > quantity ? [`${where}: ${held} of ${quantity} held`] : []),
    ...(greedy > 0 ? [`${where}: ${greedy} users beyond the limit`] : []),
  ];
}
