// What is used of kafkajs beside its public interface, for exactly one version of it: fetching without
// a consumer group, and a timer that it sets for ever. docs/adr/0015, docs/adr/0016.
import { createRequire } from 'node:module';
import type { Kafka, KafkaMessage } from 'kafkajs';

const VERSION = '2.2.4';
const READ_COMMITTED = 1;

const require = createRequire(import.meta.url);

/** The connections to the brokers, and what they said of the topics. */
export type Cluster = {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Loads the metadata of these topics. */
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  /** Leaves out a partition that it does not know of. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(which: { nodeId: string }): Promise<Broker>;
  fetchTopicsOffset(
    topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[],
  ): Promise<{ partitions: { offset: string }[] }[]>;
  removeBroker(address: { host: string; port: number }): void;
};

/** One partition's part of a fetch; `offset` is the first one that is wanted. */
export type FetchPosition = { topic: string; partition: number; offset: bigint };

/**
 * What a fetch brought of one partition. `rawMessages` has control records, too: a batch without any
 * says only that there is nothing yet.
 */
export type FetchedBatch = {
  topic: string;
  partition: number;
  messages: KafkaMessage[];
  rawMessages: readonly unknown[];
  /** Of `rawMessages`. */
  lastOffset(): string;
};

type Broker = { fetch(request: object): Promise<{ responses: FetchedTopic[] }> };
type FetchedTopic = { topicName: string; partitions: FetchedPartition[] };
type FetchedPartition = { partition: number };
type FetchLimits = { maxWaitTime: number; maxBytes: number; maxBytesPerPartition: number };
type BatchConstructor = new (
  topic: string,
  fetchedOffset: string,
  data: FetchedPartition,
) => FetchedBatch;
type CreateCluster = (options: object) => Cluster;

/**
 * A module of kafkajs' own.
 * @throws Error when kafkajs is another version than the one this file was written for
 */
export function requireInternal(path: string): unknown {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== VERSION) {
    throw new Error(`kafkajs is ${version}; platform/kafka/kafkajs-internals.ts knows ${VERSION}`);
  }
  return require(`kafkajs/src/${path}`);
}

/** A cluster with the settings of `kafka`, not connected yet. */
export function createCluster(kafka: Kafka): Cluster {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = key && (kafka as unknown as Record<symbol, CreateCluster>)[key];
  if (create === undefined) throw new Error('kafkajs makes its clusters in another way');
  return create({ allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED });
}

/**
 * What the broker has from these positions on, decompressed, without control records and records of
 * aborted transactions. A partition that has nothing yet gives a batch without records.
 * @throws whatever kafkajs throws; for the whole fetch when one of its partitions is in error
 */
export async function fetchFrom(
  cluster: Cluster,
  nodeId: string,
  positions: readonly FetchPosition[],
  { maxBytesPerPartition, ...limits }: FetchLimits,
): Promise<FetchedBatch[]> {
  const BatchClass = requireInternal('consumer/batch.js') as BatchConstructor;
  const broker = await cluster.findBroker({ nodeId });
  const byTopic = Map.groupBy(positions, ({ topic }) => topic);
  const topics = [...byTopic].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition, offset }) => ({
      partition,
      fetchOffset: String(offset),
      maxBytes: maxBytesPerPartition,
    })),
  }));
  const { responses } = await broker.fetch({
    ...limits,
    minBytes: 1,
    isolationLevel: READ_COMMITTED,
    topics,
  });
  const offsetOf = new Map(
    positions.map(({ topic, partition, offset }) => [`${topic}/${partition}`, String(offset)]),
  );
  return responses.flatMap(({ topicName, partitions }) =>
    partitions.flatMap((data) => {
      const offset = offsetOf.get(`${topicName}/${data.partition}`);
      return offset === undefined ? [] : [new BatchClass(topicName, offset, data)];
    }),
  );
}
