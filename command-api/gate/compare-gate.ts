// Compares the gate in Redis with the Redis that was reached and with the log: may this process decide?
import type { Redis } from 'ioredis';
import { type Partitions, parsePartitions } from '../../contracts/partitions.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { messageOf } from '../../platform/errors.ts';
import {
  type Replication,
  readRedisServer,
  redisServerFault,
} from '../../platform/redis-server.ts';
import type { NewestClaim } from './newest-claim.ts';

/** What the gate of an epoch says. */
export type OpenEpoch = {
  epoch: number;
  /** Of the master that it was opened on: nowhere else may be decided in this epoch. */
  replicationId: string;
  /** How many keys it had evicted by then: with one more, nobody knows what it lost. */
  evictedKeys: number;
  /** Those that it was opened for: nowhere else do events of this epoch count. */
  partitions: Partitions;
};

export type GateComparison =
  | ({ kind: 'open' } & OpenEpoch)
  /** This Redis may not decide, but no rebuild can change that. */
  | { kind: 'closed'; reason: string }
  /** A new epoch is needed (docs/guarantees.md P9). */
  | { kind: 'rebuild'; reason: string }
  /** Redis or the log did not answer. */
  | { kind: 'unreachable'; reason: string };

/**
 * Compares once; never throws.
 * @param closedCoupons coupon id -> epoch, of those that a script found closed in that epoch
 */
export async function compareGate(
  parts: {
    redis: Redis;
    keys: RedisKeys;
    newestClaim: NewestClaim;
    /** Why nothing may be decided, whatever Redis and the log say; null when nothing is against it. */
    brokenAssumption: () => string | null;
  },
  closedCoupons: ReadonlyMap<string, number>,
): Promise<GateComparison> {
  const { redis, keys, newestClaim } = parts;
  const broken = parts.brokenAssumption();
  if (broken !== null) return { kind: 'closed', reason: broken };
  try {
    const [server, gate] = await Promise.all([readRedisServer(redis), redis.hgetall(keys.gate)]);
    if (!server.isMaster) return { kind: 'closed', reason: 'this Redis is not a master' };
    const fault = redisServerFault(server);
    if (fault !== null) return { kind: 'closed', reason: fault };
    // Before a rebuild is called for: without the log there is none.
    const mismatch = mismatchOf(gate, server, await newestClaim());
    if (mismatch !== null) return { kind: 'rebuild', reason: mismatch };
    const partitions = parsePartitions(gate.partitions ?? '');
    if (partitions === null) {
      return { kind: 'rebuild', reason: 'the gate does not say which partitions it is open for' };
    }
    for (const [couponId, epoch] of closedCoupons) {
      if (`${epoch}` !== gate.epoch) continue;
      if ((await redis.hget(keys.coupon(couponId), 'epoch')) !== gate.epoch) {
        return { kind: 'rebuild', reason: `coupon ${couponId} is not of the gate's epoch` };
      }
    }
    const { replicationId, evictedKeys } = server;
    return { kind: 'open', epoch: Number(gate.epoch), replicationId, evictedKeys, partitions };
  } catch (error) {
    return { kind: 'unreachable', reason: messageOf(error) };
  }
}

/** Why the gate is not that of this server in the epoch of the newest claim; null when it is. */
function mismatchOf(
  gate: Record<string, string>,
  { replicationId, evictedKeys }: Replication,
  claim: number | null,
): string | null {
  if (gate.epoch === undefined) return 'no gate in Redis';
  if (gate.replicationId !== replicationId) {
    return 'this Redis is not the one that the gate was opened on';
  }
  // A gate of a version that did not count them yet was opened before anything was evicted.
  if (Number(gate.evictedKeys ?? 0) !== evictedKeys) {
    return 'Redis has evicted keys since the gate was opened';
  }
  return claim === Number(gate.epoch) ? null : 'the gate is not of the newest epoch claimed';
}
