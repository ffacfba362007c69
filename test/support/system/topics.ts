// A log of its own for each test: topics, schemas and codec under a prefix that nobody else has.

import { pinSchemas } from '../../../admin/schemas/pin-schemas.ts';
import { readOwnSchemas, registerSchemas } from '../../../admin/schemas/register-schemas.ts';
import { createTopics } from '../../../admin/topics.ts';
import { SCHEMAS_TOPIC } from '../../../contracts/topics.ts';
import { createEventCodec, type EventCodec } from '../../../platform/avro/event-codec.ts';
import { createPinsReader } from '../../../platform/avro/schema-pins.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import { createKafkaClient, type KafkaClient } from '../../../platform/kafka/client.ts';
import { createLogger } from '../../../platform/logger.ts';
import { randomName } from '../random-name.ts';
import { waitUntil } from '../wait-until.ts';
import { addressOf } from './addresses.ts';

export type EventSystem = {
  /** Ends in '-'; physical topic = topicPrefix + logical topic. */
  topicPrefix: string;
  kafka: KafkaClient;
  codec: EventCodec;
  registryUrl: string;
  /** Deletes the topics and subjects; clients made from `kafka` must be closed before. */
  cleanup(): Promise<void>;
};

/** A Kafka client of this test run; logs what kafkajs finds grave only. */
export function createTestKafka(): KafkaClient {
  const settings = { brokers: addressOf('KAFKA_BROKERS').split(','), clientId: 'firstcome-test' };
  return createKafkaClient(settings, createLogger('test', 'error'));
}

/** Every topic and subject of the service under a random prefix that begins with `prefix`. */
export async function createEventSystem(prefix: string): Promise<EventSystem> {
  const topicPrefix = `${randomName(prefix)}-`;
  const kafka = createTestKafka();
  const registryUrl = addressOf('SCHEMA_REGISTRY_URL');
  const cleanup = async (): Promise<void> => {
    await deleteTopics(kafka, topicPrefix);
    await deleteSubjects(topicPrefix);
  };
  try {
    await createTopics(kafka, topicPrefix);
    const schemas = readOwnSchemas();
    const registry = { url: registryUrl };
    await pinSchemas(
      { kafka, registry, topicPrefix },
      await registerSchemas(registry, topicPrefix, schemas),
    );
    const pins = createPinsReader(kafka, topicPrefix + SCHEMAS_TOPIC);
    const codec = await createEventCodec({ registry, topicPrefix, schemas, pins });
    return { topicPrefix, kafka, codec, registryUrl, cleanup };
  } catch (error) {
    await cleanup();
    throw error;
  }
}

/**
 * Deletes every topic whose name begins with `topicPrefix`, once there are `atLeast` so many of them
 * in the list: a broker may not know yet what was created a moment ago.
 */
export function deleteTopics(client: KafkaClient, topicPrefix: string, atLeast = 0): Promise<void> {
  return withAdmin(client, async (admin) => {
    const topics = await waitUntil(`${atLeast} topics ${topicPrefix}* are listed`, async () => {
      const listed = (await admin.listTopics()).filter((topic) => topic.startsWith(topicPrefix));
      return listed.length >= atLeast && listed;
    });
    if (topics.length > 0) await admin.deleteTopics(topics);
  });
}

/** Deletes every registry subject whose name begins with `subjectPrefix`. */
export async function deleteSubjects(subjectPrefix: string): Promise<void> {
  const base = addressOf('SCHEMA_REGISTRY_URL');
  const subjects = (await (await fetch(`${base}/subjects`)).json()) as string[];
  for (const subject of subjects.filter((name) => name.startsWith(subjectPrefix))) {
    const address = `${base}/subjects/${encodeURIComponent(subject)}`;
    for (const query of ['', '?permanent=true']) {
      const response = await fetch(`${address}${query}`, { method: 'DELETE' });
      await response.body?.cancel();
    }
  }
}
