// Reading topics whole: every record from the first to an end that was taken before.
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { scanBatches } from '../../platform/kafka/log-scan.ts';
import { placeOf } from '../facts.ts';

/** A part of a partition: records with `firstOffset` <= offset < `endOffset`. `topic` is logical. */
export type Range = { topic: string; partition: number; firstOffset: number; endOffset: number };

/** Everything that these topics hold at this moment; the topics are looked at in this order. */
export async function rangesOf(
  admin: Admin,
  topicPrefix: string,
  topics: readonly string[],
): Promise<Range[]> {
  const ranges: Range[] = [];
  for (const topic of topics) {
    const offsets = await admin.fetchTopicOffsets(topicPrefix + topic);
    for (const { partition, low, high } of offsets) {
      ranges.push({ topic, partition, firstOffset: Number(low), endOffset: Number(high) });
    }
  }
  return ranges.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

/** The ends of ranges, by `placeOf`. */
export function endsOf(ranges: readonly Range[]): Map<string, number> {
  return new Map(
    ranges.map(({ topic, partition, endOffset }) => [placeOf(topic, partition), endOffset]),
  );
}

/**
 * Gives every record of these ranges to `onRecord`, in order within a partition, one at a time.
 * @throws as `scanBatches`; what `onRecord` threw
 */
export async function readRanges(
  kafka: Kafka,
  topicPrefix: string,
  ranges: readonly Range[],
  onRecord: (range: Range, message: KafkaMessage) => Promise<void>,
): Promise<void> {
  const rangeAt = new Map(
    ranges.map((range) => [placeOf(topicPrefix + range.topic, range.partition), range]),
  );
  const stretches = ranges.map(({ topic, partition, firstOffset, endOffset }) => ({
    topic: topicPrefix + topic,
    partition,
    from: BigInt(firstOffset),
    to: BigInt(endOffset),
  }));
  await scanBatches(kafka, stretches, async ({ topic, partition, messages }) => {
    const range = rangeAt.get(placeOf(topic, partition));
    if (range === undefined) return undefined;
    for (const message of messages) await onRecord(range, message);
    return undefined;
  });
}
