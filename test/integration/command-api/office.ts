// One process' worth of the command API on real parts, without HTTP: several of them can share a
// world, as several processes do.
import type { Redis } from 'ioredis';
import { createNewestClaim } from '../../../command-api/claims.ts';
import type { Desk } from '../../../command-api/desk.ts';
import { createGate } from '../../../command-api/gate.ts';
import { createLogWriter } from '../../../command-api/log-writer.ts';
import { createCommandMetrics } from '../../../command-api/metrics.ts';
import { createPublisher } from '../../../command-api/publisher.ts';
import { type Relay, startRelay } from '../../../command-api/relay.ts';
import { createWriteModel } from '../../../command-api/write-model.ts';
import { createRedisKeys, type RedisKeys } from '../../../domain/redis-keys.ts';
import { EPOCHS_TOPIC, EVENT_TOPICS } from '../../../domain/topics.ts';
import { createTopicEndsReader } from '../../../platform/topic-ends.ts';
import { connectRedis } from '../../support/redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import type { EventWorld } from '../../support/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createWiredKafka, type WiredKafka } from '../../support/wired-kafka.ts';

export type Office = {
  desk: Desk;
  redis: Redis;
  keys: RedisKeys;
  /** The links of this process to the brokers. */
  wires: WiredKafka;
  startRelay(settings?: { intervalMs?: number; minAgeMs?: number }): Relay;
  close(): Promise<void>;
};

/** Opens an office in this world, whose epoch must be open; its gate is open when it is given. */
export async function openOffice(
  world: EventWorld,
  options: { redisUrl: string; answerTimeoutMs?: number; sendTimeoutMs?: number },
): Promise<Office> {
  const logger = silentLogger();
  const metrics = createCommandMetrics();
  const keys = createRedisKeys(world.topicPrefix);
  const wires = await createWiredKafka();
  const redis = await connectRedis(options.redisUrl);
  const { kafka } = wires.createClient();
  const admin = kafka.admin();
  await admin.connect();
  const newestClaim = createNewestClaim(
    createTopicEndsReader(admin, `${world.topicPrefix}${EPOCHS_TOPIC}`, 2_000),
  );
  const gate = createGate({ redis, keys, newestClaim, logger });
  const writer = await createLogWriter({
    createClient: wires.createClient,
    codec: world.codec,
    topicPrefix: world.topicPrefix,
    partitions: new Map(EVENT_TOPICS.map((topic) => [topic, 3])),
    sendTimeoutMs: options.sendTimeoutMs ?? 2_000,
    logger,
  });
  const writeModel = createWriteModel({
    redis,
    keys,
    maxOutboxAgeMs: 3_600_000,
    idempotencyTtlMs: 24 * 3_600_000,
  });
  const publisher = createPublisher({
    writer,
    newestClaim,
    writeModel,
    answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
    maxBatch: 500,
    metrics,
    logger,
  });
  const desk: Desk = {
    gate,
    publisher,
    writeModel,
    endOf: async () => [],
    load: { max: 5_000, current: 0 },
  };
  const relays: Relay[] = [];
  await waitUntil('the gate is open', () => gate.state().kind === 'open');
  return {
    desk,
    redis,
    keys,
    wires,
    startRelay: ({ intervalMs = 20, minAgeMs = 0 } = {}) => {
      const relay = startRelay({
        ...{ redis, keys, gate, publisher, metrics, logger },
        ...{ intervalMs, minAgeMs },
      });
      relays.push(relay);
      return relay;
    },
    close: async () => {
      wires.mend();
      for (const relay of relays) await relay.close();
      await publisher.drained(5_000);
      await writer.close();
      await gate.close();
      redis.disconnect();
      await admin.disconnect();
      await wires.close();
    },
  };
}
