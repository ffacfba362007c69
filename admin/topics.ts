// The topics, as they have to be. Creating them is a step of `migrate`, never of a service.
import kafkajs, { type Admin, type ITopicMetadata, type Kafka } from 'kafkajs';
import {
  ASSIGN_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  EVENT_TOPICS,
  LIFECYCLE_TOPIC,
  SNAPSHOTS_TOPIC,
} from '../contracts/topics.ts';
import { pause } from '../platform/backoff.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import {
  addMissingPartitions,
  countPartitionsOf,
  findTooFewPartitions,
  requirePartitions,
} from './add-partitions.ts';

const REPLICATION_FACTOR = 3;
/** Every broker knows a new topic after so long. */
const KNOWN_LIMIT_MS = 15_000;
type TopicConfig = Readonly<Record<string, string>>;
/** What every topic is set to: acknowledged means on two brokers, and the log is kept for ever. */
const CONFIG: TopicConfig = {
  'min.insync.replicas': '2',
  'retention.ms': '-1',
};
/** A dead letter is its original, which may be as large as a topic takes, and the reason beside it. */
const DEAD_LETTER_CONFIG: TopicConfig = { ...CONFIG, 'max.message.bytes': String(2 * 1_048_576) };
/** Old snapshots are deleted by their records; the brokers free whole segments only. */
const SNAPSHOT_CONFIG: TopicConfig = { ...CONFIG, 'segment.bytes': String(64 * 1_048_576) };

/**
 * Every topic of the service by its logical name, and its partitions. Event topics and their dead
 * letter topics may have more.
 */
export const TOPIC_LAYOUT: readonly { topic: string; partitions: number; config: TopicConfig }[] = [
  { topic: LIFECYCLE_TOPIC, partitions: 3, config: CONFIG },
  { topic: ASSIGN_TOPIC, partitions: 3, config: CONFIG },
  { topic: EPOCHS_TOPIC, partitions: 1, config: CONFIG },
  { topic: SNAPSHOTS_TOPIC, partitions: 2, config: SNAPSHOT_CONFIG },
  { topic: deadLetterTopicOf(LIFECYCLE_TOPIC), partitions: 3, config: DEAD_LETTER_CONFIG },
  { topic: deadLetterTopicOf(ASSIGN_TOPIC), partitions: 3, config: DEAD_LETTER_CONFIG },
];

/** What was done for one topic; `topic` is its physical name, `partitions` how many it has now. */
export type TopicReport =
  | { topic: string; kind: 'created' | 'existing' }
  | { topic: string; kind: 'partitions-added'; partitions: number };

/**
 * Makes sure that every topic is there, with its partitions, three replicas, min.insync.replicas 2
 * and no retention limit, and that a dead letter topic has as many partitions as its original. Safe to
 * repeat; changes nothing else of a topic that exists.
 * @param assignPartitions brings the topic of the assignments up to so many
 * @throws AppError TOPIC_MISMATCH naming each topic that exists in another form, KAFKA_UNAVAILABLE
 */
export async function createTopics(
  kafka: Kafka,
  topicPrefix: string,
  assignPartitions = 0,
): Promise<TopicReport[]> {
  const layout = TOPIC_LAYOUT.map((own) => ({
    ...own,
    topic: topicPrefix + own.topic,
    mayBeMore: MAY_BE_MORE.has(own.topic),
  }));
  const names = layout.map(({ topic }) => topic);
  const created = new Set<string>();
  const grown = new Map<string, number>();
  await retryUntilKnown(kafka, async (admin) => {
    await createMissing(admin, layout, created);
    const counts = await countPartitionsOf(admin, names);
    const tooFew = findTooFewPartitions(counts, topicPrefix, assignPartitions);
    await addMissingPartitions(admin, tooFew);
    for (const [topic, partitions] of tooFew) grown.set(topic, partitions);
    if (tooFew.size > 0) await requirePartitions(admin, tooFew);
    await checkLayout(admin, layout);
  });
  return layout.map(({ topic }): TopicReport => {
    if (created.has(topic)) return { topic, kind: 'created' };
    const partitions = grown.get(topic);
    return partitions === undefined
      ? { topic, kind: 'existing' }
      : { topic, kind: 'partitions-added', partitions };
  });
}

const MAY_BE_MORE: ReadonlySet<string> = new Set(
  EVENT_TOPICS.flatMap((topic) => [topic, deadLetterTopicOf(topic)]),
);

type PhysicalTopic = (typeof TOPIC_LAYOUT)[number] & { mayBeMore: boolean };

async function createMissing(
  admin: Admin,
  layout: PhysicalTopic[],
  created: Set<string>,
): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = layout.filter(({ topic }) => !existing.has(topic));
  // One by one: for several at once kafkajs does not say which of them were there already. All have
  // ended before anything else happens: one that runs on would open a closed client again.
  const attempts = await Promise.allSettled(
    missing.map(async (topic) => {
      if (await createOne(admin, topic)) created.add(topic.topic);
    }),
  );
  const failed = attempts.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** @returns false when the topic was there already */
function createOne(admin: Admin, { topic, partitions, config }: PhysicalTopic): Promise<boolean> {
  return admin.createTopics({
    // Waiting for leaders, kafkajs sometimes asks again, and then calls its own topic an older one.
    waitForLeaders: false,
    topics: [
      {
        topic,
        numPartitions: partitions,
        replicationFactor: REPLICATION_FACTOR,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  });
}

// After creating, too: another `migrate` may have been quicker, with another version's layout.
async function checkLayout(admin: Admin, layout: PhysicalTopic[]): Promise<void> {
  const names = layout.map(({ topic }) => topic);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: layout.map(({ topic, config }) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: topic,
      configNames: Object.keys(config),
    })),
  });
  const faults = layout.flatMap(({ topic, partitions, config, mayBeMore }) => [
    ...shapeFaults(
      { topic, partitions, mayBeMore },
      topics.find(({ name }) => name === topic),
    ),
    ...(resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [])
      .filter(({ configName, configValue }) => config[configName] !== configValue)
      .map(
        ({ configName, configValue }) =>
          `${topic} has ${configName}=${configValue}, not ${config[configName]}`,
      ),
  ]);
  if (faults.length > 0) {
    throw new AppError('TOPIC_MISMATCH', faults.join('; '), { retriable: false });
  }
}

// A topic that was created or deleted a moment ago, here or by others, is not so for all brokers yet.
// Each attempt has a client of its own: kafkajs' is of no use after it met such a topic.
async function retryUntilKnown(
  kafka: Kafka,
  attempt: (admin: Admin) => Promise<void>,
): Promise<void> {
  const deadlineMs = performance.now() + KNOWN_LIMIT_MS;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      await attempt(admin);
      return;
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      const { retriable } = (cause ?? {}) as { retriable?: unknown };
      if (retriable !== true || performance.now() > deadlineMs) {
        throw new AppError('KAFKA_UNAVAILABLE', `the topics: ${messageOf(cause)}`, {
          cause,
          retriable: true,
        });
      }
    } finally {
      await admin.disconnect();
    }
    await pause(100);
  }
}

function shapeFaults(
  { topic, partitions, mayBeMore }: Pick<PhysicalTopic, 'topic' | 'partitions' | 'mayBeMore'>,
  metadata: ITopicMetadata | undefined,
): string[] {
  const found = metadata?.partitions ?? [];
  const replicas = new Set(found.map((partition) => partition.replicas.length));
  const isEnough = found.length === partitions || (mayBeMore && found.length > partitions);
  return [
    ...(isEnough ? [] : [`${topic} has ${found.length} partition(s), not ${partitions}`]),
    ...[...replicas]
      .filter((count) => count !== REPLICATION_FACTOR)
      .map((count) => `${topic} has ${count} replica(s), not ${REPLICATION_FACTOR}`),
  ];
}
