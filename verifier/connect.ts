// Connections to everything that a verification reads.
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import { SCHEMAS_TOPIC } from '../contracts/topics.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { createPinsReader } from '../platform/avro/schema-pins.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { openAdmin } from '../platform/kafka/admin.ts';
import { createKafkaClient } from '../platform/kafka/client.ts';
import { createLifecycle } from '../platform/lifecycle.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { createRedis } from '../platform/redis.ts';
import type { VerifySettings } from './settings.ts';

const REDIS_TIMEOUT_MS = 10_000;

export type VerifierConnections = Awaited<ReturnType<typeof connectVerifier>>;

/**
 * Connects to Kafka, Redis, MySQL and the registry; whoever calls it closes what it returns.
 * @throws AppError STARTUP_FAILED naming a part that can't be reached: then nothing stays open
 */
export async function connectVerifier(settings: VerifySettings) {
  const logger = createLogger('verifier', 'silent');
  const lifecycle = createLifecycle(logger);
  try {
    const kafka = createKafkaClient({ ...settings.kafka, clientId: 'firstcome-verifier' }, logger);
    const admin = await reach('Kafka', () => openAdmin(kafka));
    lifecycle.opened('Kafka', () => admin.close());
    const redis = createRedis({ ...settings.redis, commandTimeoutMs: REDIS_TIMEOUT_MS }, logger);
    lifecycle.opened('Redis', async () => redis.disconnect());
    await reach('Redis', () => redis.connect());
    const db = createMysql({ ...settings.mysql, poolSize: 2 }, logger);
    lifecycle.opened('MySQL', () => db.destroy());
    const codec = await createEventCodec({
      registry: settings.registry,
      topicPrefix: settings.topicPrefix,
      schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
      pins: createPinsReader(kafka, settings.topicPrefix + SCHEMAS_TOPIC),
    });
    return { kafka, admin, redis, db, codec, close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function reach<T>(part: string, connectTo: () => Promise<T>): Promise<T> {
  try {
    return await connectTo();
  } catch (cause) {
    throw new AppError('STARTUP_FAILED', `${part} can't be reached: ${messageOf(cause)}`, {
      cause,
    });
  }
}
