// The epochs of a test's system: opened by a rebuild of the empty log, and claimed as one begins.
import type { Redis } from 'ioredis';
import { recordNameOf } from '../../../contracts/event-record.ts';
import { createRedisKeys } from '../../../contracts/redis-keys.ts';
import { EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import type { EpochClaimed } from '../../../domain/coupon-events.ts';
import { rebuildRedis } from '../../../redis-rebuild/rebuild.ts';
import { appendRecords } from './records.ts';
import type { EventSystem } from './topics.ts';

/**
 * Opens a new epoch of this system: claims, marks, and rebuilds Redis from what the log holds. The
 * keys have the topics' prefix.
 * @returns the epoch
 */
export async function openEpoch(system: EventSystem, redis: Redis): Promise<number> {
  const result = await rebuildRedis({
    ...system,
    redis,
    keys: createRedisKeys(system.topicPrefix),
    lagMs: 0,
    idempotencyTtlMs: 48 * 3_600_000,
  });
  if (result.kind !== 'rebuilt') throw new Error(`no epoch: the rebuild was ${result.kind}`);
  return result.epoch;
}

/** Claims a newer epoch, as a rebuild begins. @returns the epoch claimed */
export async function claimEpoch(
  { kafka, codec, topicPrefix }: EventSystem,
  partitions = '',
): Promise<number> {
  const claim: EpochClaimed = {
    type: 'EpochClaimed',
    claimedBy: 'a test',
    claimedAt: Date.now(),
    partitions,
  };
  const value = codec.encode(EPOCHS_TOPIC, recordNameOf(claim), claim);
  const topic = `${topicPrefix}${EPOCHS_TOPIC}`;
  const [offset] = await appendRecords(kafka, [{ topic, partition: 0, value }]);
  return Number(offset);
}
