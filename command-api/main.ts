// The process of the command API: settings, connections, and listening. app.ts builds the rest.
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { SCHEMAS_TOPIC } from '../contracts/topics.ts';
import { listen } from '../http/server.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { createPinsReader } from '../platform/avro/schema-pins.ts';
import { openAdmin } from '../platform/kafka/admin.ts';
import { createKafkaClient } from '../platform/kafka/client.ts';
import { ANSWERS_FIRST } from '../platform/lifecycle.ts';
import { createRedis } from '../platform/redis.ts';
import { runService } from '../platform/service.ts';
import { rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { openCommandApi } from './app.ts';
import { commandApiAssumptions } from './assumptions.ts';
import { parseSettings } from './settings.ts';

await runService({
  name: 'command-api',
  env: process.env,
  parseSettings,
  open: async (settings, { logger, lifecycle }) => {
    const { topicPrefix, rebuildLagMs: lagMs, idempotencyTtlMs } = settings;
    const kafka = createKafkaClient(settings.kafka, logger);
    const admin = await openAdmin(kafka);
    lifecycle.opened('Kafka admin', () => admin.close());
    const pins = createPinsReader(kafka, topicPrefix + SCHEMAS_TOPIC);
    const codec = await createEventCodec({
      registry: settings.registry,
      topicPrefix,
      schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
      pins,
    });
    const redis = createRedis(settings.redis, logger);
    await redis.connect();
    lifecycle.opened('Redis', async () => redis.disconnect());

    const keys = createRedisKeys(settings.redisKeyPrefix);
    const log = { kafka, codec, redis, keys, topicPrefix, lagMs, idempotencyTtlMs };
    const createProducerClient = () =>
      createKafkaClient(settings.kafka, logger, { givesUpSoon: true });
    const api = await openCommandApi(
      settings,
      {
        ...{ redis, kafka, admin, createProducerClient, codec },
        assumptions: commandApiAssumptions({
          ...{ kafka, codec, redis, topicPrefix, pins, registry: settings.registry },
        }),
        rebuild: (attempt) => rebuildRedis({ ...log, ...attempt }),
      },
      { logger, lifecycle },
    );
    api.startRelay(settings.relay);
    const { host, port } = settings.http;
    const server = await listen(api.app, host, port, api.shedLoad);
    lifecycle.opened('HTTP', () => server.close(), ANSWERS_FIRST);
    logger.info({ host, port: server.port }, 'listening');
  },
});
