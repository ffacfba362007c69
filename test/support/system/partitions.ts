// More partitions for a topic, as an operator's `kafka-topics --alter` makes them.
import type { Kafka } from 'kafkajs';
import { waitUntil } from '../wait-until.ts';

/** How often in a row a look has to find the new number: each look may reach another broker. */
const LOOKS = 12;

/** Brings `topic` (physical) up to `count` partitions; resolves when every broker knows of them. */
export async function addPartitions(kafka: Kafka, topic: string, count: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
  } finally {
    await admin.disconnect();
  }
  for (let look = 0; look < LOOKS; look += 1) {
    await waitUntil(`${topic} has ${count} partitions`, async () => {
      const own = kafka.admin();
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
