// More partitions for topics that exist: as many as are asked for, and as many for a dead letter topic
// as its original has, because a dead letter keeps the partition of its record.
import type { Admin } from 'kafkajs';
import { ASSIGN_TOPIC, deadLetterTopicOf, EVENT_TOPICS } from '../contracts/topics.ts';

/** What `topics` have by now; physical names. */
export type Counts = ReadonlyMap<string, number>;

/** How many partitions each of these topics (physical) has, as the broker that is asked knows it. */
export async function countPartitionsOf(admin: Admin, topics: string[]): Promise<Counts> {
  const metadata = await admin.fetchTopicMetadata({ topics });
  return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
}

/**
 * What is missing, by physical topic: how many partitions it has to have.
 * @param assignPartitions at least so many for assignments
 */
export function findNarrow(
  counts: Counts,
  topicPrefix: string,
  assignPartitions: number,
): Map<string, number> {
  const narrow = new Map<string, number>();
  for (const topic of EVENT_TOPICS) {
    const physical = topicPrefix + topic;
    const found = counts.get(physical) ?? 0;
    const wanted = topic === ASSIGN_TOPIC ? Math.max(found, assignPartitions) : found;
    if (found < wanted) narrow.set(physical, wanted);
    const letters = topicPrefix + deadLetterTopicOf(topic);
    if ((counts.get(letters) ?? 0) < wanted) narrow.set(letters, wanted);
  }
  return narrow;
}

/** Gives each of these topics so many partitions; one that has them already is left as it is. */
export async function widenTopics(
  admin: Admin,
  narrow: ReadonlyMap<string, number>,
): Promise<void> {
  // One by one: for several at once kafkajs does not say which of them failed.
  for (const [topic, count] of narrow) {
    try {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    } catch (error) {
      // The broker that was asked for the number knew an older one, or another `migrate` was quicker.
      if ((error as { type?: unknown }).type !== 'INVALID_PARTITIONS') throw error;
    }
  }
}
