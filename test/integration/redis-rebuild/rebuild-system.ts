// A log and a Redis to be rebuilt from it: keys, topics and schemas of their own.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { recordNameOf } from '../../../contracts/event-record.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import { destinationOf, EVENT_TOPICS, type EventTopic } from '../../../contracts/topics.ts';
import type { CouponEvent, EpochStarted } from '../../../domain/coupon-events.ts';
import {
  type RebuildOptions,
  type RebuildResult,
  rebuildRedis,
} from '../../../redis-rebuild/rebuild.ts';
import { appendRecords } from '../../support/system/records.ts';
import { connectRedis, deleteKeysWith } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { createWriteModel, type WriteModel } from '../../support/system/write-model.ts';

export const DAY = 24 * 3_600_000;

type Message = { key?: string; value: Buffer | null; partition?: number };

type Rebuilt = RebuildResult & { kind: 'rebuilt' };

export type RebuildSystem = {
  events: EventSystem;
  redis: Redis;
  keys: RedisKeys;
  writeModel: WriteModel;
  /** One attempt. */
  attempt(changes?: Partial<RebuildOptions>): Promise<RebuildResult>;
  /** One attempt that has to succeed. */
  rebuild(changes?: Partial<RebuildOptions>): Promise<Rebuilt>;
  /** Appends events to the log, in the partition that is named or else in any. */
  append(events: readonly CouponEvent[], partition?: number): Promise<void>;
  /** Appends records, each to its partition, in their order. */
  appendAt(
    records: readonly { topic: EventTopic; partition: number; value: Buffer | null }[],
  ): Promise<void>;
  /** Appends a marker. */
  mark(epoch: number, topic: EventTopic, partition: number): Promise<void>;
  /** Appends what is no event. */
  appendBytes(topic: EventTopic, value: Buffer | null): Promise<void>;
  /** Removes every key of this system: what FLUSHALL does to a Redis of its own. */
  wipe(): Promise<void>;
  gate(): Promise<Record<string, string>>;
  close(): Promise<void>;
};

/** A system with an empty log and nothing in Redis; `redisUrl`: another Redis than that of all tests. */
export async function createRebuildSystem(redisUrl?: string): Promise<RebuildSystem> {
  const events = await createEventSystem('rebuild-');
  const { topicPrefix } = events;
  const keys = createRedisKeys(topicPrefix);
  const redis = await connectRedis(redisUrl);
  const writeModel = createWriteModel({
    redis,
    keys,
    maxOutboxAgeMs: DAY,
    idempotencyTtlMs: 2 * DAY,
  });
  const attempt = (changes: Partial<RebuildOptions> = {}): Promise<RebuildResult> =>
    rebuildRedis({ ...events, redis, keys, lagMs: 0, idempotencyTtlMs: 2 * DAY, ...changes });

  return {
    events,
    redis,
    keys,
    writeModel,
    attempt,
    rebuild: async (changes) => {
      const result = await attempt(changes);
      if (result.kind === 'rebuilt') return result;
      throw new Error(`not rebuilt: ${JSON.stringify(result)}`);
    },
    ...createLogAppender(events),
    wipe: () => deleteKeysWith(redis, topicPrefix),
    gate: () => redis.hgetall(keys.gate),
    close: async () => {
      await deleteKeysWith(redis, topicPrefix);
      redis.disconnect();
      await events.cleanup();
    },
  };
}

/** Appends to the event topics as nobody but a test would: to any partition, events of any epoch. */
function createLogAppender({
  kafka,
  codec,
  topicPrefix,
}: EventSystem): Pick<RebuildSystem, 'append' | 'appendAt' | 'mark' | 'appendBytes'> {
  const send = async (topic: EventTopic, messages: Message[]): Promise<void> => {
    await appendRecords(
      kafka,
      messages.map((message) => ({ ...message, topic: topicPrefix + topic })),
    );
  };
  return {
    append: async (appended, partition) => {
      for (const topic of EVENT_TOPICS) {
        const messages = appended
          .filter((event) => destinationOf(event).topic === topic)
          .map((event) => ({
            key: destinationOf(event).key,
            value: codec.encode(topic, recordNameOf(event), event),
            ...(partition === undefined ? {} : { partition }),
          }));
        await send(topic, messages);
      }
    },
    appendAt: async (records) => {
      for (const topic of EVENT_TOPICS) {
        const ofTopic = records.filter((record) => record.topic === topic);
        await send(
          topic,
          ofTopic.map(({ partition, value }) => ({ partition, value })),
        );
      }
    },
    mark: async (epoch, topic, partition) => {
      const marker: EpochStarted = {
        type: 'EpochStarted',
        eventId: randomUUID(),
        epoch,
        occurredAt: Date.now(),
      };
      const value = codec.encode(topic, recordNameOf(marker), marker);
      await send(topic, [{ value, partition }]);
    },
    appendBytes: (topic, value) => send(topic, [{ value }]),
  };
}
