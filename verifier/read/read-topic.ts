// Reads topics whole: every record from the first up to an end that was looked up before.
import { topicPartitionOf } from '../../contracts/position.ts';
import type { KafkaAdmin } from '../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { readBatches } from '../../platform/kafka/range-reader.ts';
import type { KafkaRecord, LogRange } from '../../platform/kafka/record.ts';

/** Everything that these topics (logical) hold at this moment; they are asked for in this order. */
export async function listRanges(
  admin: Pick<KafkaAdmin, 'rangesOf'>,
  topicPrefix: string,
  topics: readonly string[],
): Promise<LogRange[]> {
  const ranges: LogRange[] = [];
  for (const topic of topics) {
    for (const range of await admin.rangesOf(topicPrefix + topic)) ranges.push({ ...range, topic });
  }
  return ranges.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

/** The ends of ranges, by `topicPartitionOf`. */
export function endsOf(ranges: readonly LogRange[]): Map<string, number> {
  return new Map(
    ranges.map(({ topic, partition, to }) => [topicPartitionOf(topic, partition), Number(to)]),
  );
}

/**
 * Gives every record of these ranges (of logical topics) to `onRecord`, in order within a partition, one at a time,
 * and offsets from `from` up to `to` that have none to `onVacant`.
 * @throws as `readBatches`; what `onRecord` threw
 */
export async function readRanges(
  kafka: KafkaClient,
  topicPrefix: string,
  ranges: readonly LogRange[],
  onRecord: (range: LogRange, record: KafkaRecord) => Promise<void>,
  onVacant: (range: LogRange, from: bigint, to: bigint) => void = () => undefined,
): Promise<void> {
  const rangeIn = new Map(
    ranges.map((range) => [topicPartitionOf(topicPrefix + range.topic, range.partition), range]),
  );
  const physical = ranges.map((range) => ({ ...range, topic: topicPrefix + range.topic }));
  for await (const { topic, partition, from, to, records } of readBatches(kafka, physical)) {
    const range = rangeIn.get(topicPartitionOf(topic, partition));
    if (range === undefined) continue;
    let next = from;
    for (const record of records) {
      if (next < record.offset) onVacant(range, next, record.offset);
      await onRecord(range, record);
      next = record.offset + 1n;
    }
    if (next < to) onVacant(range, next, to);
  }
}
