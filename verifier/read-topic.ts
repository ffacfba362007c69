// Reading topics whole: every record from the first to an end that was taken before.
import { randomUUID } from 'node:crypto';
import type { Admin, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { AppError, messageOf } from '../platform/errors.ts';
import { placeOf } from './facts.ts';

/** A part of a partition: records with `firstOffset` <= offset < `endOffset`. `topic` is logical. */
export type Range = { topic: string; partition: number; firstOffset: number; endOffset: number };

/** Reading that stands still for so long has failed. */
const STALL_MS = 30_000;

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
 * Gives every record of these ranges to `onRecord`, in order within a partition, one at a time. The
 * consumer group it takes has a random name and commits nothing.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when no record comes for 30 s; what `onRecord` threw
 */
export async function readRanges(
  kafka: Kafka,
  topicPrefix: string,
  ranges: readonly Range[],
  onRecord: (range: Range, message: KafkaMessage) => Promise<void>,
): Promise<void> {
  const open = new Map(
    ranges
      .filter(({ firstOffset, endOffset }) => firstOffset < endOffset)
      .map((range) => [placeOf(topicPrefix + range.topic, range.partition), range]),
  );
  if (open.size === 0) return;
  const done = Promise.withResolvers<void>();
  // It may be rejected before anybody waits for it, and then it must not end the process.
  done.promise.catch(() => undefined);
  const stall = setTimeout(
    () => done.reject(unavailable(`no record came for ${STALL_MS} ms`)),
    STALL_MS,
  );
  const consumer = kafka.consumer({
    groupId: `firstcome-verifier-${randomUUID()}`,
    sessionTimeout: 60_000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4_194_304,
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    done.reject(unavailable(messageOf(payload.error), payload.error));
  });
  const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
    stall.refresh();
    const place = placeOf(batch.topic, batch.partition);
    const range = open.get(place);
    if (range === undefined) return;
    try {
      for (const message of batch.messages) {
        if (Number(message.offset) < range.endOffset) await onRecord(range, message);
      }
    } catch (error) {
      done.reject(error);
      return;
    }
    if (Number(batch.lastOffset()) + 1 >= range.endOffset) open.delete(place);
    if (open.size === 0) done.resolve();
  };
  try {
    await consumer.connect();
    const topics = [...new Set([...open.values()].map(({ topic }) => topicPrefix + topic))];
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
    await done.promise;
  } finally {
    clearTimeout(stall);
    await consumer.disconnect();
  }
}

function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, {
    cause,
    retriable: true,
  });
}
