// Topics as a whole: which there are, how they are set, what they hold. Topics are physical names here.
import kafkajs, { type Admin, type ConfigEntries } from 'kafkajs';
import { pause } from '../backoff.ts';
import { AppError, messageOf } from '../errors.ts';
import { disconnectSoon, type KafkaClient } from './client.ts';
import { kafkajsOf } from './kafkajs-of.ts';
import type { LogRange } from './record.ts';

/** By partition: the offset that the next record will get. */
export type EndOffsets = ReadonlyMap<number, bigint>;

type TopicConfig = Readonly<Record<string, string>>;

/** Every setting that holds for a topic, and those of them that are its own, not the cluster's. */
export type DescribedConfig = { all: TopicConfig; own: TopicConfig };

/** A topic as the broker that is asked knows it: for each partition, on how many brokers it is kept. */
type TopicShape = { topic: string; replicas: ReadonlyMap<number, number> };

type NewTopic = {
  topic: string;
  partitions: number;
  replicationFactor: number;
  config?: TopicConfig;
};

/** Every function throws AppError KAFKA_UNAVAILABLE (retriable) when the brokers don't do it. */
export type KafkaAdmin = {
  listTopics(): Promise<string[]>;
  /** @returns 'existing' when the topic was there already, in whatever shape */
  createTopic(topic: NewTopic): Promise<'created' | 'existing'>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  describeTopics(topics: readonly string[]): Promise<TopicShape[]>;
  /** Brings a topic up to `count` partitions; one that has as many is left as it is. */
  addPartitions(topic: string, count: number): Promise<void>;
  /** By topic; it fails when one of them is not there. */
  describeConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, DescribedConfig>>;
  /** Sets these settings of a topic, and leaves its other ones. */
  changeConfig(topic: string, config: TopicConfig): Promise<void>;
  /** What each partition holds at this moment. */
  rangesOf(topic: string): Promise<LogRange[]>;
  endOffsets(topic: string): Promise<EndOffsets>;
  /** Deletes what lies before these offsets, by partition. */
  deleteRecordsBefore(topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void>;
  close(): Promise<void>;
};

/**
 * A connected admin.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function openAdmin(client: KafkaClient): Promise<KafkaAdmin> {
  const admin = kafkajsOf(client).admin();
  try {
    await ask('the brokers', () => admin.connect());
  } catch (error) {
    await disconnectSoon(admin);
    throw error;
  }
  return {
    ...topicFunctions(admin),
    ...offsetFunctions(admin),
    close: () => disconnectSoon(admin),
  };
}

/**
 * Does one thing with an admin of its own.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); what `work` throws
 */
export async function withAdmin<T>(
  client: KafkaClient,
  work: (admin: KafkaAdmin) => Promise<T>,
): Promise<T> {
  const admin = await openAdmin(client);
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

/**
 * As `withAdmin`, again and again while brokers contradict each other, for at most `limitMs`: a topic
 * that was created or deleted a moment ago, here or by others, is not so for all of them yet. Each
 * attempt has an admin of its own: kafkajs' is of no use after it met such a topic.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); what `work` throws
 */
export async function withAdminUntilSpread<T>(
  client: KafkaClient,
  limitMs: number,
  work: (admin: KafkaAdmin) => Promise<T>,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await withAdmin(client, work);
    } catch (error) {
      if (!passesSoon(error) || performance.now() > deadlineMs) throw error;
    }
    await pause(SPREAD_PAUSE_MS);
  }
}

/**
 * What each partition of `topic` holds at this moment.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export function readLogRanges(client: KafkaClient, topic: string): Promise<LogRange[]> {
  return withAdmin(client, (admin) => admin.rangesOf(topic));
}

const SPREAD_PAUSE_MS = 100;

type TopicFunctions = Omit<KafkaAdmin, keyof ReturnType<typeof offsetFunctions> | 'close'>;

function topicFunctions(admin: Admin): TopicFunctions {
  return {
    listTopics: () => ask('the topics', () => admin.listTopics()),
    createTopic: ({ topic, partitions, replicationFactor, config = {} }) =>
      ask(topic, async () => {
        const isNew = await admin.createTopics({
          // Waiting for leaders, kafkajs sometimes asks again, and then calls its own topic an older one.
          waitForLeaders: false,
          topics: [
            {
              ...{ topic, numPartitions: partitions, replicationFactor },
              configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
            },
          ],
        });
        return isNew ? 'created' : 'existing';
      }),
    deleteTopics: (topics) =>
      ask('the topics', () => admin.deleteTopics({ topics: [...topics], timeout: 10_000 })),
    describeTopics: (topics) =>
      ask('the topics', async () => {
        const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
        return metadata.topics.map(({ name, partitions }) => ({
          topic: name,
          replicas: new Map(
            partitions.map(({ partitionId, replicas }) => [partitionId, replicas.length]),
          ),
        }));
      }),
    addPartitions: (topic, count) =>
      ask(topic, async () => {
        try {
          await admin.createPartitions({ topicPartitions: [{ topic, count }] });
        } catch (error) {
          // The broker that was asked for the number knew an older one, or somebody else was quicker.
          if ((error as { type?: unknown }).type !== 'INVALID_PARTITIONS') throw error;
        }
      }),
    describeConfigs: (topics) =>
      ask('the settings of the topics', () => describeConfigs(admin, topics)),
    changeConfig: (topic, config) =>
      ask(topic, async () => {
        // kafkajs replaces all that a topic has of its own.
        const before = (await describeConfigs(admin, [topic])).get(topic)?.own ?? {};
        const configEntries = Object.entries({ ...before, ...config }).map(([name, value]) => ({
          ...{ name, value },
        }));
        const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries };
        await admin.alterConfigs({ validateOnly: false, resources: [resource] });
      }),
  };
}

/** Kafka's name for a setting that was made for the topic itself. */
const OWN_SETTING = 1;

async function describeConfigs(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, DescribedConfig>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  const settingsOf = (entries: readonly ConfigEntries[]): TopicConfig =>
    Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  return new Map(
    resources.map(({ resourceName, configEntries }) => {
      const own = configEntries.filter(({ configSource }) => configSource === OWN_SETTING);
      return [resourceName, { all: settingsOf(configEntries), own: settingsOf(own) }];
    }),
  );
}

function offsetFunctions(admin: Admin) {
  const rangesOf = (topic: string): Promise<LogRange[]> =>
    ask(topic, async () => {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.map(({ partition, low, high }) => ({
        ...{ topic, partition },
        ...{ from: BigInt(low), to: BigInt(high) },
      }));
    });
  return {
    rangesOf,
    endOffsets: async (topic: string): Promise<EndOffsets> =>
      new Map((await rangesOf(topic)).map(({ partition, to }) => [partition, to])),
    deleteRecordsBefore: (topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> =>
      ask(topic, async () => {
        // kafkajs deletes only in topics that it was asked about before.
        await admin.fetchTopicOffsets(topic);
        const partitions = [...offsets].map(([partition, offset]) => ({
          partition,
          offset: String(offset),
        }));
        await admin.deleteTopicRecords({ topic, partitions });
      }),
  };
}

async function ask<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new AppError('KAFKA_UNAVAILABLE', `${what}: ${messageOf(cause)}`, {
      cause,
      retriable: true,
    });
  }
}

function passesSoon(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== 'KAFKA_UNAVAILABLE') return false;
  const { cause } = error;
  return cause === undefined || (cause as { retriable?: unknown }).retriable === true;
}
