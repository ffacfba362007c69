// The log that Redis is rebuilt from: its event partitions, how far each goes, and the newest claim.
import { EPOCHS_TOPIC, EVENT_TOPICS, type EventTopic } from '../contracts/topics.ts';
import type { EventCodec } from '../platform/avro/event-codec.ts';
import { AppError } from '../platform/errors.ts';
import { readLogRanges } from '../platform/kafka/admin.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import type { LogRange } from '../platform/kafka/record.ts';

/** How to reach the log. */
export type Log = { kafka: KafkaClient; codec: EventCodec; topicPrefix: string };

/** One partition of an event topic; `topic` is logical. */
export type EventPartition = { topic: EventTopic; partition: number };

/** Records of one partition of an event topic. */
export type EventRange = EventPartition & LogRange;

/**
 * Every partition of both event topics, from the first record that it still has to its end at this moment.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function listEventRanges({ kafka, topicPrefix }: Log): Promise<EventRange[]> {
  const ranges: EventRange[] = [];
  for (const topic of EVENT_TOPICS) {
    for (const { partition, from, to } of await readLogRanges(kafka, topicPrefix + topic)) {
      ranges.push({ topic, partition, from, to });
    }
  }
  return ranges;
}

/**
 * Every partition of both event topics.
 * @throws as `listEventRanges`
 */
export async function listEventPartitions(log: Log): Promise<EventPartition[]> {
  return (await listEventRanges(log)).map(({ topic, partition }) => ({ topic, partition }));
}

/** Which partitions have lost their first records, in words; null: none has. */
export function whyHeadless(ranges: readonly EventRange[]): string | null {
  const lost = ranges
    .filter(({ from }) => from > 0n)
    .map(({ topic, partition, from }) => `${topic}/${partition} begins at ${from}`);
  return lost.length === 0 ? null : `${lost.join(', ')}: the first records were deleted`;
}

/** What a log is refused with whose first records no snapshot stands for: it does not show what was handed out. */
export function headGone(reason: string): AppError {
  return new AppError('TOPIC_MISMATCH', reason, { retriable: false });
}

/**
 * The newest epoch that was claimed; null when none ever was.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function readNewestClaim({ kafka, topicPrefix }: Log): Promise<number | null> {
  const [range] = await readLogRanges(kafka, topicPrefix + EPOCHS_TOPIC);
  return range === undefined || range.to === 0n ? null : Number(range.to - 1n);
}
