// More partitions for topics that exist: as many as are asked for, and as many for a dead letter topic
// as its original has, because a dead letter keeps the partition of its record.
import type { Admin } from 'kafkajs';
import { ASSIGN_TOPIC, deadLetterTopicOf, EVENT_TOPICS } from '../contracts/topics.ts';

/** How many partitions each topic has; physical names. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** How many partitions each of these topics (physical) has, as the broker that is asked knows it. */
export async function countPartitionsOf(admin: Admin, topics: string[]): Promise<PartitionCounts> {
  const metadata = await admin.fetchTopicMetadata({ topics });
  return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
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
 * @throws what kafkajs throws, `retriable` where trying again can help
 */
export async function addMissingPartitions(admin: Admin, wanted: PartitionCounts): Promise<void> {
  // One by one: for several at once kafkajs does not say which of them failed.
  for (const [topic, count] of wanted) {
    try {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    } catch (error) {
      // The broker that was asked for the number knew an older one, or another `migrate` was quicker.
      if ((error as { type?: unknown }).type !== 'INVALID_PARTITIONS') throw error;
    }
  }
}

/** @throws Error, retriable, while the broker that is asked knows of fewer partitions */
export async function requirePartitions(admin: Admin, wanted: PartitionCounts): Promise<void> {
  const counts = await countPartitionsOf(admin, [...wanted.keys()]);
  for (const [topic, count] of wanted) {
    const found = counts.get(topic) ?? 0;
    if (found >= count) continue;
    const reason = `${topic} has ${found} partition(s), and ${count} were asked for`;
    throw Object.assign(new Error(reason), { retriable: true });
  }
}
