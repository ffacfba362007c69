// More partitions for a topic, as an operator's `kafka-topics --alter` makes them.
import { readLogRanges, withAdmin } from '../../../platform/kafka/admin.ts';
import { createKafkaClient, type KafkaClient } from '../../../platform/kafka/client.ts';
import { silentLogger } from '../silent-logger.ts';
import { waitUntil } from '../wait-until.ts';
import { addressOf } from './addresses.ts';

/** Brings `topic` (physical) up to `count` partitions; resolves when every broker knows of them. */
export async function addPartitions(
  client: KafkaClient,
  topic: string,
  count: number,
): Promise<void> {
  await withAdmin(client, (admin) => admin.addPartitions(topic, count));
  for (const broker of addressOf('KAFKA_BROKERS').split(',')) {
    const settings = { brokers: [broker], clientId: 'firstcome-test' };
    await waitUntil(`${broker} knows ${count} partitions of ${topic}`, async () => {
      const own = createKafkaClient(settings, silentLogger());
      const ranges = await readLogRanges(own, topic).catch(() => []);
      return ranges.length === count;
    });
  }
}
