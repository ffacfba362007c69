// More partitions for topics that exist: as many as are asked for, and as many for a dead letter topic
// as its original has, because a dead letter keeps the partition of its record.
import { ASSIGN_TOPIC, deadLetterTopicOf, EVENT_TOPICS } from '../contracts/topics.ts';
import { AppError } from '../platform/errors.ts';
import type { KafkaAdmin } from '../platform/kafka/admin.ts';

/** How many partitions each topic has; physical names. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** How many partitions each of these topics (physical) has, as the broker that is asked knows it. */
export async function countPartitionsOf(
  admin: KafkaAdmin,
  topics: readonly string[],
): Promise<PartitionCounts> {
  const shapes = await admin.describeTopics(topics);
  return new Map(shapes.map(({ topic, replicas }) => [topic, replicas.size]));
}

/**
 * The topics (physical) that have too few partitions, each with how many it has to have.
 * @param assignPartitions at least so many for assignments
 */
export function findTooFewPartitions(
  counts: PartitionCounts,
  topicPrefix: string,
  assignPartitions: number,
): Map<string, number> {
  const tooFew = new Map<string, number>();
  for (const topic of EVENT_TOPICS) {
    const physical = topicPrefix + topic;
    const found = counts.get(physical) ?? 0;
    const wanted = topic === ASSIGN_TOPIC ? Math.max(found, assignPartitions) : found;
    if (found < wanted) tooFew.set(physical, wanted);
    const deadLetterTopic = topicPrefix + deadLetterTopicOf(topic);
    if ((counts.get(deadLetterTopic) ?? 0) < wanted) tooFew.set(deadLetterTopic, wanted);
  }
  return tooFew;
}

/**
 * Gives each of these topics so many partitions; one that has them already is left as it is.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function addMissingPartitions(
  admin: KafkaAdmin,
  wanted: PartitionCounts,
): Promise<void> {
  for (const [topic, count] of wanted) await admin.addPartitions(topic, count);
}

/** @throws AppError KAFKA_UNAVAILABLE (retriable) while the broker that is asked knows of fewer partitions */
export async function requirePartitions(admin: KafkaAdmin, wanted: PartitionCounts): Promise<void> {
  const counts = await countPartitionsOf(admin, [...wanted.keys()]);
  for (const [topic, count] of wanted) {
    const found = counts.get(topic) ?? 0;
    if (found >= count) continue;
    const reason = `${topic} has ${found} partition(s), and ${count} were asked for`;
    throw new AppError('KAFKA_UNAVAILABLE', reason, { retriable: true });
  }
}
