// The epochs of a test's world: opened as migrate opens the first, and claimed as a rebuilder would.
import type { Redis } from 'ioredis';
import { recordNameOf } from '../../domain/event-record.ts';
import { EPOCHS_TOPIC } from '../../domain/topics.ts';
import { openFirstEpoch } from '../../tools/first-epoch.ts';
import type { EventWorld } from './topics.ts';

/**
 * Claims, marks and opens the first epoch of this world; the keys have the topics' prefix.
 * @returns the epoch
 */
export async function openEpoch(world: EventWorld, redis: Redis): Promise<number> {
  const { kafka, codec, topicPrefix } = world;
  const options = { kafka, codec, redis, topicPrefix, redisKeyPrefix: topicPrefix };
  const first = await openFirstEpoch(options);
  if (first.kind !== 'opened') throw new Error(`not a new world: ${first.kind}`);
  return first.epoch;
}

/** Claims a newer epoch, as a rebuild begins. @returns the epoch claimed */
export async function claimEpoch({ kafka, codec, topicPrefix }: EventWorld): Promise<number> {
  const claim = { type: 'EpochClaimed', claimedBy: 'a test', claimedAt: Date.now() } as const;
  const value = codec.encode(EPOCHS_TOPIC, recordNameOf(claim), claim);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const [written] = await producer.send({
      topic: `${topicPrefix}${EPOCHS_TOPIC}`,
      acks: -1,
      messages: [{ partition: 0, value }],
    });
    return Number(written?.baseOffset);
  } finally {
    await producer.disconnect();
  }
}
