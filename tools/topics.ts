// The topics, as they have to be. Creating them is a step of `migrate`, never of a service.
import kafkajs, { type Admin, type ITopicMetadata, type Kafka } from 'kafkajs';
import {
  ASSIGN_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  LIFECYCLE_TOPIC,
} from '../domain/topics.ts';
import { pause } from '../platform/backoff.ts';
import { AppError, messageOf } from '../platform/errors.ts';

const REPLICATION_FACTOR = 3;
/** Every broker knows a new topic by then. */
const SPREAD_LIMIT_MS = 15_000;
/** What every topic is set to: acknowledged means on two brokers, and the log is kept for ever. */
const CONFIG: Readonly<Record<string, string>> = {
  'min.insync.replicas': '2',
  'retention.ms': '-1',
};

/** Every topic of the service by its logical name, and its partitions. */
export const TOPIC_LAYOUT: readonly { topic: string; partitions: number }[] = [
  { topic: LIFECYCLE_TOPIC, partitions: 3 },
  { topic: ASSIGN_TOPIC, partitions: 3 },
  { topic: EPOCHS_TOPIC, partitions: 1 },
  { topic: deadLetterTopicOf(LIFECYCLE_TOPIC), partitions: 3 },
  { topic: deadLetterTopicOf(ASSIGN_TOPIC), partitions: 3 },
];

/** What was done for one topic; `topic` is its physical name. */
export type TopicReport = { topic: string; kind: 'created' | 'there' };

/**
 * Makes sure that every topic is there, with its partitions, three replicas, min.insync.replicas 2
 * and no retention limit. Safe to repeat; changes no topic that exists.
 * @throws AppError TOPIC_MISMATCH naming each topic that exists in another form, KAFKA_UNAVAILABLE
 */
export async function createTopics(kafka: Kafka, topicPrefix: string): Promise<TopicReport[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const layout = TOPIC_LAYOUT.map(({ topic, partitions }) => ({
      topic: `${topicPrefix}${topic}`,
      partitions,
    }));
    const missing = layout.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await create(admin, missing);
    await checkLayout(admin, layout);
    return layout.map(({ topic }) => ({ topic, kind: existing.has(topic) ? 'there' : 'created' }));
  } finally {
    await admin.disconnect();
  }
}

type PhysicalTopic = { topic: string; partitions: number };

async function create(admin: Admin, missing: PhysicalTopic[]): Promise<void> {
  await admin.createTopics({
    topics: missing.map(({ topic, partitions }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: REPLICATION_FACTOR,
      configEntries: Object.entries(CONFIG).map(([name, value]) => ({ name, value })),
    })),
  });
}

// After creating, too: another `migrate` may have been quicker, with another version's layout.
async function checkLayout(admin: Admin, layout: PhysicalTopic[]): Promise<void> {
  const names = layout.map(({ topic }) => topic);
  const { topics } = await onceSpread(() => admin.fetchTopicMetadata({ topics: names }));
  const { resources } = await onceSpread(() =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: Object.keys(CONFIG),
      })),
    }),
  );
  const faults = layout.flatMap(({ topic, partitions }) => [
    ...shapeFaults(
      topic,
      partitions,
      topics.find(({ name }) => name === topic),
    ),
    ...(resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [])
      .filter(({ configName, configValue }) => CONFIG[configName] !== configValue)
      .map(
        ({ configName, configValue }) =>
          `${topic} has ${configName}=${configValue}, not ${CONFIG[configName]}`,
      ),
  ]);
  if (faults.length > 0) {
    throw new AppError('TOPIC_MISMATCH', faults.join('; '), { retriable: false });
  }
}

// A topic that was created a moment ago, here or by another `migrate`, is not known to all brokers.
async function onceSpread<T>(ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + SPREAD_LIMIT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (cause) {
      const { retriable } = (cause ?? {}) as { retriable?: unknown };
      if (retriable !== true || performance.now() > deadlineMs) {
        throw new AppError('KAFKA_UNAVAILABLE', `the topics: ${messageOf(cause)}`, {
          cause,
          retriable: true,
        });
      }
      await pause(100);
    }
  }
}

function shapeFaults(
  topic: string,
  partitions: number,
  metadata: ITopicMetadata | undefined,
): string[] {
  const found = metadata?.partitions ?? [];
  const replicas = new Set(found.map((partition) => partition.replicas.length));
  return [
    ...(found.length === partitions
      ? []
      : [`${topic} has ${found.length} partition(s), not ${partitions}`]),
    ...[...replicas]
      .filter((count) => count !== REPLICATION_FACTOR)
      .map((count) => `${topic} has ${count} replica(s), not ${REPLICATION_FACTOR}`),
  ];
}
