// More partitions for a topic, as an operator's `kafka-topics --alter` makes them.
import type { Kafka } from 'kafkajs';
import { createKafka } from '../../../platform/kafka/client.ts';
import { silentLogger } from '../silent-logger.ts';
import { waitUntil } from '../wait-until.ts';
import { addressOf } from './addresses.ts';

/** Brings `topic` (physical) up to `count` partitions; resolves when every broker knows of them. */
export async function addPartitions(kafka: Kafka, topic: string, count: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
  } finally {
    await admin.disconnect();
  }
  for (const broker of addressOf('KAFKA_BROKERS').split(',')) {
    const clientId = 'firstcome-test';
    await waitUntil(`${broker} knows ${count} partitions of ${topic}`, async () => {
      const own = createKafka({ brokers: [broker], clientId }, silentLogger()).admin();
      await own.connect();
      try {
        const ends = await own.fetchTopicOffsets(topic);
        return ends.length === count;
      } catch {
        return false;
      } finally {
        await own.disconnect();
      }
    });
  }
}
