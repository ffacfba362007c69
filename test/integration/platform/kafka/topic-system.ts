// A topic of its own for each test of the Kafka contracts, without any meaning.
import { withAdmin, withAdminUntilSpread } from '../../../../platform/kafka/admin.ts';
import { createKafkaClient, type KafkaClient } from '../../../../platform/kafka/client.ts';
import {
  createProducer,
  demandOffsets,
  type RecordToSend,
} from '../../../../platform/kafka/producer.ts';
import { randomName } from '../../../support/random-name.ts';
import { silentLogger } from '../../../support/silent-logger.ts';
import { addressOf } from '../../../support/system/addresses.ts';

export type TopicSystem = {
  client: KafkaClient;
  topic: string;
  /** Writes these records to `topic`, in order. */
  write(records: readonly Omit<RecordToSend, 'topic'>[]): Promise<bigint[]>;
  cleanup(): Promise<void>;
};

const SPREAD_MS = 15_000;

/** A topic with so many partitions and three replicas of each, known to the brokers. */
export async function createTopicSystem(partitions: number): Promise<TopicSystem> {
  const settings = { brokers: addressOf('KAFKA_BROKERS').split(','), clientId: 'firstcome-test' };
  const client = createKafkaClient(settings, silentLogger());
  const topic = randomName('contract');
  await withAdmin(client, (admin) =>
    admin.createTopic({ topic, partitions, replicationFactor: 3 }),
  );
  await withAdminUntilSpread(client, SPREAD_MS, (admin) => admin.rangesOf(topic));
  return {
    client,
    topic,
    write: async (records) => {
      const producer = createProducer(client);
      const toSend = records.map((record) => ({ ...record, topic }));
      const outcome = await producer.send(toSend, { timeoutMs: 10_000 });
      await producer.close();
      return demandOffsets(outcome, 'a test');
    },
    cleanup: () => withAdmin(client, (admin) => admin.deleteTopics([topic])),
  };
}
