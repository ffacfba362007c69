// Compares the gate in Redis with the Redis that was reached and with the log: may this process decide?
import type { Redis } from 'ioredis';
import { type Partitions, parsePartitions } from '../../contracts/partitions.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { messageOf } from '../../platform/errors.ts';
import { readReplication } from '../../platform/redis.ts';
import type { NewestClaim } from './newest-claim.ts';

/** What the gate of an epoch says. */
export type OpenEpoch = {
  epoch: number;
  /** Of the master that it was opened on: nowhere else may be decided in this epoch. */
  replicationId: string;
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
    const [{ isMaster, replicationId }, gate] = await Promise.all([
      readReplication(redis),
      redis.hgetall(keys.gate),
    ]);
    if (!isMaster) return { kind: 'closed', reason: 'this Redis is not a master' };
    // Before a rebuild is called for: without the log there is none.
    const claim = await newestClaim();
    if (gate.epoch === undefined) return { kind: 'rebuild', reason: 'no gate in Redis' };
    if (gate.replicationId !== replicationId) {
      return {
        kind: 'rebuild',
        reason: 'this Redis is not the one that the gate was opened on',
      };
    }
    if (claim !== Number(gate.epoch)) {
      return { kind: 'rebuild', reason: 'the gate is not of the newest epoch claimed' };
    }
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
    return { kind: 'open', epoch: Number(gate.epoch), replicationId, partitions };
  } catch (error) {
    return { kind: 'unreachable', reason: messageOf(error) };
  }
}
