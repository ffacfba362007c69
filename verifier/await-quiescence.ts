// Waits until nothing is under way any more, so that log, Redis and tables can be compared.
import type { Redis } from 'ioredis';
import type { Knex } from 'knex';
import type { RedisKeys } from '../contracts/redis-keys.ts';
import { pause } from '../platform/backoff.ts';
import { checkpointsOf } from './checkers/check-read-model.ts';
import { readCouponIds, readGateEpoch } from './read/read-redis.ts';
import { readCheckpoints } from './read/read-tables.ts';

const POLL_MS = 50;

/**
 * Waits until the gate is open, no outbox holds an event from before `beganAt`, and the projection
 * has reached `target` (by `topicPartitionOf`); at most `waitMs`.
 * @returns what was still missing when the waiting ended; empty when everything had arrived
 */
export async function awaitQuiescence(options: {
  redis: Redis;
  keys: RedisKeys;
  db: Knex;
  couponId: string | null;
  /** By Redis' clock. */
  beganAt: number;
  target: ReadonlyMap<string, number>;
  waitMs: number;
  progress: (missing: string) => void;
}): Promise<string[]> {
  const deadline = performance.now() + options.waitMs;
  for (;;) {
    const missing = await findMissing(options);
    if (missing.length === 0 || performance.now() >= deadline) return missing;
    options.progress(missing.join('; '));
    await pause(POLL_MS);
  }
}

async function findMissing({
  redis,
  keys,
  db,
  couponId,
  beganAt,
  target,
}: Parameters<typeof awaitQuiescence>[0]): Promise<string[]> {
  const missing: string[] = [];
  if ((await readGateEpoch(redis, keys)) === null) missing.push('there is no gate in Redis');
  let waiting = 0;
  for (const counted of await Promise.all(
    (await readCouponIds(redis, keys, couponId)).map((id) =>
      redis.zcount(keys.outbox(id), '-inf', `(${beganAt}`),
    ),
  )) {
    waiting += counted;
  }
  if (waiting > 0) missing.push(`${waiting} event(s) in outboxes`);
  const reached = checkpointsOf({ checkpoints: await readCheckpoints(db) });
  let behind = 0;
  for (const [topicPartition, offset] of target)
    behind += Math.max(0, offset - (reached.get(topicPartition) ?? 0));
  if (behind > 0) missing.push(`the projection is ${behind} record(s) behind`);
  return missing;
}
