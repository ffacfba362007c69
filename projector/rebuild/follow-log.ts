// Reading the log from its start, each partition up to a limit that is raised as time goes on: as a
// projector that goes no further than its limits.
import { pause } from '../../platform/backoff.ts';
import { AppError } from '../../platform/errors.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { readBatches } from '../../platform/kafka/range-reader.ts';
import type { RecordBatch } from '../../platform/kafka/record.ts';
import { type Consumed, toConsumed } from '../consumed-record.ts';
import type { ApplyBatch } from '../consumer/apply-batch.ts';
import { type BatchLimits, cutBatch } from '../consumer/cut-batch.ts';
import { createPartitionLease } from '../consumer/partition-lease.ts';

export type LogFollower = {
  /**
   * Applies on: by partition (`topicPartitionOf`), up to the offset that is not applied any more.
   * Resolves when every partition is there. One call at a time.
   * @throws AppError KAFKA_UNAVAILABLE (retriable) after `waitMs` (a day when not given);
   * TOPIC_MISMATCH when records were deleted before they were applied; whatever applying threw
   */
  to(limits: ReadonlyMap<string, bigint>, waitMs?: number): Promise<void>;
  /** How many records were applied so far, or deferred. */
  applied(): bigint;
};

type FollowParts = {
  kafka: KafkaClient;
  topicPrefix: string;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
};

/** A partition of a logical topic; `next`: the offset to be applied next. */
type FollowedPartition = { topic: string; partition: number; next: bigint };

const PARTITIONS_AT_ONCE = 6;
/** With brokers away, reading goes on after this. */
const RETRY_MS = 500;
const DAY_MS = 86_400_000;

/** Follows the log from the first record of each partition on. */
export function followLog(parts: FollowParts): LogFollower {
  const followed = new Map<string, FollowedPartition>();
  return {
    to: async (limits, waitMs = DAY_MS) => {
      const end = new AbortController();
      const late = (): void => end.abort(logUnreadable(`not there after ${waitMs} ms`));
      const timer = setTimeout(late, waitMs);
      const waiting = limits.entries();
      const work = async (): Promise<void> => {
        for (const [topicPartition, limit] of waiting) {
          const one = followed.get(topicPartition) ?? firstOf(topicPartition);
          followed.set(topicPartition, one);
          await followTo(parts, one, limit, end.signal);
        }
      };
      const workers = Array.from({ length: PARTITIONS_AT_ONCE }, () =>
        work().catch((error: unknown) => end.abort(error)),
      );
      try {
        await Promise.all(workers);
      } finally {
        clearTimeout(timer);
      }
      end.signal.throwIfAborted();
    },
    applied: () => [...followed.values()].reduce((sum, { next }) => sum + next, 0n),
  };
}

function firstOf(topicPartition: string): FollowedPartition {
  const [topic = '', partition] = topicPartition.split('/');
  return { topic, partition: Number(partition), next: 0n };
}

/** Applies one partition up to `limit`; with brokers away it goes on from where it was. */
async function followTo(
  parts: FollowParts,
  followed: FollowedPartition,
  limit: bigint,
  signal: AbortSignal,
): Promise<void> {
  const { kafka, topicPrefix } = parts;
  const { topic, partition } = followed;
  while (followed.next < limit) {
    signal.throwIfAborted();
    const range = { topic: topicPrefix + topic, partition, from: followed.next, to: limit };
    try {
      let isContinuous = true;
      for await (const batch of readBatches(kafka, [range], signal)) {
        isContinuous = await followBatch(parts, followed, batch, signal);
        if (!isContinuous) break;
      }
      if (isContinuous && followed.next < limit) throw recordsDeleted(followed, limit);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError && error.code === 'KAFKA_UNAVAILABLE')) throw error;
      await pause(RETRY_MS, signal);
    }
  }
}

/** @returns false when the batch begins past what was applied: then the partition is read from there */
async function followBatch(
  { limits, applyBatch }: FollowParts,
  followed: FollowedPartition,
  batch: RecordBatch,
  closing: AbortSignal,
): Promise<boolean> {
  const lease = createPartitionLease({
    heartbeat: async () => undefined,
    isOurs: () => !closing.aborted,
    closing,
  });
  if (batch.from > followed.next) throw recordsDeleted(followed, batch.from);
  for (const some of cutBatch(toConsumed(followed.topic, batch), limits)) {
    const outcome = await applyBatch(some as [Consumed, ...Consumed[]], lease);
    followed.next = outcome.nextOffset;
    if (outcome.kind === 'gap') return false;
  }
  return true;
}

function recordsDeleted({ topic, partition, next }: FollowedPartition, to: bigint): AppError {
  const reason = `${topic}/${partition} has lost its records from ${next} to ${to}`;
  return new AppError('TOPIC_MISMATCH', reason, { retriable: false });
}

function logUnreadable(reason: string): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, { retriable: true });
}
