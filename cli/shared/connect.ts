// Connections of a command; each logs errors only, and to the command's name.

import type { Knex } from 'knex';
import { readOwnSchemas } from '../../admin/schemas/register-schemas.ts';
import { SCHEMAS_TOPIC } from '../../contracts/topics.ts';
import { createEventCodec, type EventCodec } from '../../platform/avro/event-codec.ts';
import { createPinsReader } from '../../platform/avro/schema-pins.ts';
import type { KafkaConnection } from '../../platform/connections/kafka-settings.ts';
import type { MysqlConnection } from '../../platform/connections/mysql-settings.ts';
import { createKafkaClient, type KafkaClient } from '../../platform/kafka/client.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMysql } from '../../platform/mysql.ts';
import type { Addresses } from './addresses.ts';

/** A Kafka client; it connects when it is first used. */
export function createCommandKafka(command: string, kafka: KafkaConnection): KafkaClient {
  return createKafkaClient(
    { ...kafka, clientId: `firstcome-${command}` },
    createLogger(command, 'error'),
  );
}

/**
 * The log, with a codec of this version's schemas.
 * @throws AppError SCHEMA_UNKNOWN, REGISTRY_UNAVAILABLE
 */
export async function openLog(
  command: string,
  { kafka, registry, topicPrefix }: Pick<Addresses, 'kafka' | 'registry' | 'topicPrefix'>,
): Promise<{ kafka: KafkaClient; codec: EventCodec; topicPrefix: string }> {
  const client = createCommandKafka(command, kafka);
  const pins = createPinsReader(client, topicPrefix + SCHEMAS_TOPIC);
  const codec = await createEventCodec({ registry, topicPrefix, schemas: readOwnSchemas(), pins });
  return { kafka: client, codec, topicPrefix };
}

/** Runs `work` on a small pool of connections to MySQL, which is closed afterwards. */
export async function withMysql<T>(
  mysql: MysqlConnection,
  work: (db: Knex) => Promise<T>,
): Promise<T> {
  const db = createMysql({ ...mysql, poolSize: 2 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}
