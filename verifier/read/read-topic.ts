// Reads topics whole: every record from the first up to an end that was looked up before.
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { topicPartitionOf } from '../../contracts/position.ts';
import { type LogRange, scanBatches } from '../../platform/kafka/log-scan.ts';

/** A range of one topic's records; `topic` is logical. */
export type RangeOfTopic = LogRange & { topic: string };

/** Everything that these topics hold at this moment; the topics are asked for in this order. */
export async function listRanges(
  admin: Admin,
  topicPrefix: string,
  topics: readonly string[],
): Promise<RangeOfTopic[]> {
  const ranges: RangeOfTopic[] = [];
  for (const topic of topics) {
    const offsets = await admin.fetchTopicOffsets(topicPrefix + topic);
    for (const { partition, low, high } of offsets) {
      ranges.push({ topic, partition, from: BigInt(low), to: BigInt(high) });
    }
  }
  return ranges.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

/** The ends of ranges, by `topicPartitionOf`. */
export function endsOf(ranges: readonly RangeOfTopic[]): Map<string, number> {
  return new Map(
    ranges.map(({ topic, partition, to }) => [topicPartitionOf(topic, partition), Number(to)]),
  );
}

/**
 * Gives every record of these ranges to `onRecord`, in order within a partition, one at a time.
 * @throws as `scanBatches`; what `onRecord` threw
 */
export async function readRanges(
  kafka: Kafka,
  topicPrefix: string,
  ranges: readonly RangeOfTopic[],
  onRecord: (range: RangeOfTopic, message: KafkaMessage) => Promise<void>,
): Promise<void> {
  const rangeIn = new Map(
    ranges.map((range) => [topicPartitionOf(topicPrefix + range.topic, range.partition), range]),
  );
  const physical = ranges.map((range) => ({ ...range, topic: topicPrefix + range.topic }));
  await scanBatches(kafka, physical, async ({ topic, partition, messages }) => {
    const range = rangeIn.get(topicPartitionOf(topic, partition));
    if (range === undefined) return undefined;
    for (const message of messages) await onRecord(range, message);
    return undefined;
  });
}
