// What is used of kafkajs beside its public interface, for exactly one version of it: fetching without
// a consumer group, a timer that it sets for ever, and how it takes records apart. docs/adr/0015, 0016, 0017.
import { createRequire } from 'node:module';
import type { Kafka, KafkaMessage } from 'kafkajs';

const VERSION = '2.2.4';
/** Every record counts from the moment it is in the log, whatever transaction it belongs to (docs/adr/0017). */
const READ_UNCOMMITTED = 0;

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
 * What a fetch brought of one partition, from `fetchedOffset` on, as `decode-batches.ts` takes it apart.
 * A batch without messages says only that there is nothing yet.
 */
export type FetchedBatch = {
  topic: string;
  partition: number;
  fetchedOffset: string;
  messages: KafkaMessage[];
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

/**
 * Puts another module in the place of one of kafkajs' own, before it was loaded.
 * @throws Error when it was loaded already, and as `requireInternal`
 */
export function replaceInternal(path: string, replace: (original: unknown) => unknown): void {
  const file = require.resolve(`kafkajs/src/${path}`);
  if (file in require.cache) throw new Error(`kafkajs has loaded its ${path} already`);
  const original = requireInternal(path);
  const loaded = require.cache[file];
  if (loaded === undefined) throw new Error(`kafkajs' ${path} can't be replaced`);
  loaded.exports = replace(original);
}

/**
 * Makes everything that comes from `kafka` see the log to its end, admins and consumers included:
 * kafkajs stops at the first record of an open transaction (docs/adr/0017).
 */
export function seeWholeLog(kafka: Kafka): void {
  const { key, create } = clusterMakerOf(kafka);
  Object.defineProperty(kafka, key, {
    value: (options: object) => create({ ...options, isolationLevel: READ_UNCOMMITTED }),
  });
}

/** A cluster with the settings of `kafka`, not connected yet. */
export function createCluster(kafka: Kafka): Cluster {
  return clusterMakerOf(kafka).create({ allowAutoTopicCreation: false });
}

function clusterMakerOf(kafka: Kafka): { key: symbol; create: CreateCluster } {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = key && (kafka as unknown as Record<symbol, CreateCluster>)[key];
  if (create === undefined) throw new Error('kafkajs makes its clusters in another way');
  return { key: key as symbol, create };
}

/**
 * What the broker has from these positions on, decompressed. A partition that has nothing yet gives a
 * batch without messages.
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
    isolationLevel: READ_UNCOMMITTED,
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
