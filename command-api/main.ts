// The command API: wires what the stories need, and listens.
import type { Admin } from 'kafkajs';
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import type { Position } from '../contracts/position.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { ASSIGN_TOPIC, EPOCHS_TOPIC, EVENT_TOPICS, type EventTopic } from '../contracts/topics.ts';
import { createApp } from '../http/app.ts';
import { healthRoutes } from '../http/health.ts';
import { listen } from '../http/server.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { createEndableKafka, createKafka } from '../platform/kafka/client.ts';
import { createTopicEndsReader } from '../platform/kafka/end-offsets.ts';
import { partitionOfKey } from '../platform/kafka/partitioner.ts';
import { createRedis } from '../platform/redis.ts';
import { runService } from '../platform/service.ts';
import { rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { createGate } from './gate/gate.ts';
import { createNewestClaim } from './gate/newest-claim.ts';
import { couponDoor, couponRoutes } from './http/routes.ts';
import { createCommandMetrics } from './metrics.ts';
import { createAssignmentIds } from './outbox/assignment-ids.ts';
import { createLogWriter } from './outbox/log-writer.ts';
import { createLastLook } from './outbox/master-check.ts';
import { createPublisher } from './outbox/publisher.ts';
import { createSetAside } from './outbox/quarantine.ts';
import { startRelay } from './outbox/relay.ts';
import { checkReadiness } from './readiness.ts';
import { parseSettings } from './settings.ts';
import { watchWriteModel } from './write-model/run-script.ts';
import { createWriteModel } from './write-model/write-model.ts';

const LOOK_TIMEOUT_MS = 2_000;
const SEND_TIMEOUT_MS = 8_000;

await runService({
  name: 'command-api',
  env: process.env,
  parseSettings,
  open: async (settings, { logger, lifecycle }) => {
    const { topicPrefix } = settings;
    const keys = createRedisKeys(settings.redisKeyPrefix);
    const metrics = createCommandMetrics();

    const kafka = createKafka(settings.kafka, logger);
    const admin = kafka.admin();
    await admin.connect();
    lifecycle.opened('Kafka admin', () => admin.disconnect());

    const codec = await createEventCodec({
      registryUrl: settings.registryUrl,
      topicPrefix,
      schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
    });

    const redis = createRedis(settings.redis, logger);
    await redis.connect();
    lifecycle.opened('Redis', async () => redis.disconnect());

    const newestClaim = createNewestClaim(
      createTopicEndsReader(admin, topicPrefix + EPOCHS_TOPIC, LOOK_TIMEOUT_MS),
    );
    const gate = createGate({
      redis,
      keys,
      newestClaim,
      rebuild: (attempt) =>
        rebuildRedis({
          kafka,
          codec,
          redis,
          keys,
          topicPrefix,
          lagMs: settings.rebuildLagMs,
          idempotencyTtlMs: settings.idempotencyTtlMs,
          ...attempt,
        }),
      logger,
    });
    lifecycle.opened('gate', () => gate.close());

    const writer = await createLogWriter({
      createClient: () => createEndableKafka(settings.kafka, logger),
      codec,
      topicPrefix,
      lastOpen: gate.lastOpen,
      sendTimeoutMs: SEND_TIMEOUT_MS,
      logger,
    });
    lifecycle.opened('log writer', () => writer.close());

    const writeModel = watchWriteModel(
      createWriteModel({
        redis,
        keys,
        maxOutboxAgeMs: settings.maxOutboxAgeMs,
        idempotencyTtlMs: settings.idempotencyTtlMs,
      }),
      gate.suspect,
      logger,
    );
    const publisher = createPublisher({
      writer,
      newestClaim: async () => {
        const claim = await newestClaim();
        gate.sawClaim(claim);
        return claim;
      },
      lastLook: createLastLook(redis, gate),
      writeModel,
      setAside: createSetAside({ redis, keys, kafka, topicPrefix, metrics, logger }),
      answerTimeoutMs: settings.answerTimeoutMs,
      maxBatch: settings.maxBatch,
      metrics,
      logger,
    });
    lifecycle.opened(
      'publisher',
      () => publisher.drained(settings.answerTimeoutMs),
      settings.answerTimeoutMs + 1_000,
    );

    metrics.watch({
      mayDecide: () => gate.state().kind === 'open',
      waitingEvents: publisher.waiting,
    });

    const relay = startRelay({ redis, keys, gate, publisher, metrics, logger, ...settings.relay });
    lifecycle.opened('relay', () => relay.close());

    const newAssignmentId = createAssignmentIds({
      partitions: () => gate.lastOpen()?.partitions[ASSIGN_TOPIC] ?? 1,
      partitionOf: partitionOfKey,
      turn: writer.batches,
    });
    const endOf = createEndOf(admin, topicPrefix);
    const load = { max: settings.maxWaiting, current: 0 };
    const app = createApp(
      [
        healthRoutes(() => checkReadiness({ redis, gate, writer, load })),
        couponRoutes(
          { gate, publisher, writeModel, newAssignmentId, endOf, load },
          settings.queryApiUrl,
          metrics,
        ),
      ],
      { logger, maxBodyBytes: settings.http.maxBodyBytes },
    );
    const door = couponDoor({ publisher, load }, metrics);
    const server = await listen(app, settings.http.host, settings.http.port, door);
    lifecycle.opened('HTTP', () => server.close(), 30_000);
    logger.info({ host: settings.http.host, port: server.port }, 'listening');
  },
});

function createEndOf(
  admin: Admin,
  topicPrefix: string,
): (topic: EventTopic) => Promise<Position[]> {
  const readers = new Map(
    EVENT_TOPICS.map((topic) => [
      topic,
      createTopicEndsReader(admin, topicPrefix + topic, LOOK_TIMEOUT_MS),
    ]),
  );
  return async (topic) => {
    const ends = await readers
      .get(topic)?.()
      .catch(() => undefined);
    if (ends === undefined) return [];
    return [...ends]
      .filter(([, end]) => end > 0n)
      .map(([partition, end]) => ({ topic, partition, offset: end - 1n }));
  };
}
