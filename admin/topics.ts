// The topics, as they have to be. Creating them is a step of `migrate`, never of a service.
import {
  ASSIGN_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  EVENT_TOPICS,
  LIFECYCLE_TOPIC,
  SNAPSHOTS_TOPIC,
} from '../contracts/topics.ts';
import { AppError } from '../platform/errors.ts';
import { type KafkaAdmin, type TopicShape, withAdminUntilSpread } from '../platform/kafka/admin.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
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
  kafka: KafkaClient,
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
  await withAdminUntilSpread(kafka, KNOWN_LIMIT_MS, async (admin) => {
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
  admin: KafkaAdmin,
  layout: PhysicalTopic[],
  created: Set<string>,
): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = layout.filter(({ topic }) => !existing.has(topic));
  // All have ended before anything else happens: one that runs on would open a closed client again.
  const attempts = await Promise.allSettled(
    missing.map(async ({ topic, partitions, config }) => {
      const wanted = { topic, partitions, replicationFactor: REPLICATION_FACTOR, config };
      if ((await admin.createTopic(wanted)) === 'created') created.add(topic);
    }),
  );
  const failed = attempts.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

// After creating, too: another `migrate` may have been quicker, with another version's layout.
async function checkLayout(admin: KafkaAdmin, layout: PhysicalTopic[]): Promise<void> {
  const shapes = await admin.describeTopics(layout.map(({ topic }) => topic));
  const faults = await Promise.all(
    layout.map(async ({ topic, partitions, config, mayBeMore }) => {
      const shape = shapes.find((candidate) => candidate.topic === topic);
      const found = await admin.configOf(topic, Object.keys(config));
      return [
        ...shapeFaults({ topic, partitions, mayBeMore }, shape),
        ...Object.entries(config)
          .filter(([name, value]) => found[name] !== value)
          .map(([name, value]) => `${topic} has ${name}=${found[name]}, not ${value}`),
      ];
    }),
  );
  if (faults.flat().length > 0) {
    throw new AppError('TOPIC_MISMATCH', faults.flat().join('; '), { retriable: false });
  }
}

function shapeFaults(
  { topic, partitions, mayBeMore }: Pick<PhysicalTopic, 'topic' | 'partitions' | 'mayBeMore'>,
  shape: TopicShape | undefined,
): string[] {
  const found = shape?.replicas.size ?? 0;
  const replicas = new Set(shape?.replicas.values());
  const isEnough = found === partitions || (mayBeMore && found > partitions);
  return [
    ...(isEnough ? [] : [`${topic} has ${found} partition(s), not ${partitions}`]),
    ...[...replicas]
      .filter((count) => count !== REPLICATION_FACTOR)
      .map((count) => `${topic} has ${count} replica(s), not ${REPLICATION_FACTOR}`),
  ];
}
