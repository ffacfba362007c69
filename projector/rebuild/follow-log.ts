// Reading the log from its start, each partition up to a limit that is raised as time goes on: as a
// projector that goes no further than its limits.
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { messageOf } from '../../platform/errors.ts';
import { disconnectSoon } from '../../platform/kafka/client.ts';
import { type ConsumedRecord, toConsumedRecord } from '../consumed-record.ts';
import type { ApplyBatch } from '../consumer/apply-batch.ts';
import { type BatchLimits, cutBatch } from '../consumer/cut-batch.ts';
import { createPartitionLease } from '../consumer/partition-lease.ts';
import {
  createFollowedPartitions,
  type FollowedPartition,
  type FollowedPartitions,
  logUnreadable,
} from './followed-partitions.ts';

export type LogFollower = {
  /**
   * Raises the limits: by partition (`topicPartitionOf`), the offset that is not applied any more.
   * Resolves when every partition is there.
   * @throws AppError KAFKA_UNAVAILABLE (retriable) after `waitMs` (a day when not given); whatever
   * applying threw
   */
  to(limits: ReadonlyMap<string, bigint>, waitMs?: number): Promise<void>;
  /** How many records were applied so far, or deferred. */
  applied(): bigint;
  close(): Promise<void>;
};

type FollowParts = {
  kafka: Kafka;
  /** Logical names. */
  topics: readonly string[];
  topicPrefix: string;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
};

const SESSION_TIMEOUT_MS = 30_000;
const HEARTBEAT_INTERVAL_MS = 3_000;
/** Short: a limit that is raised is looked at again after this. */
const FETCH_WAIT_MS = 50;
const FETCH_BYTES = { maxBytesPerPartition: 4_194_304, maxBytes: 33_554_432 };
const PARTITIONS_AT_ONCE = 6;
const DAY_MS = 86_400_000;

/** Follows the topics with a consumer group of its own, from their first records on. */
export async function followLog(parts: FollowParts): Promise<LogFollower> {
  const { kafka, topicPrefix } = parts;
  const consumer = kafka.consumer({
    // It commits nothing, so the brokers forget it by themselves.
    groupId: `firstcome-rebuild-reads-${randomUUID()}`,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    ...FETCH_BYTES,
  });
  const closing = new AbortController();
  const partitions = createFollowedPartitions();
  await startFollowing(consumer, parts, partitions, closing.signal);
  return {
    to: async (limits, waitMs = DAY_MS) => {
      for (const [topicPartition, limit] of limits) {
        const [topic = '', partition] = topicPartition.split('/');
        const followed = partitions.at(topic, Number(partition));
        if (limit <= followed.limit) continue;
        followed.limit = limit;
        consumer.resume([{ topic: topicPrefix + topic, partitions: [followed.partition] }]);
      }
      await partitions.untilReached(waitMs);
    },
    applied: () => partitions.all().reduce((sum, { next }) => sum + next, 0n),
    close: async () => {
      closing.abort();
      await disconnectSoon(consumer);
    },
  };
}

async function startFollowing(
  consumer: Consumer,
  parts: FollowParts,
  partitions: FollowedPartitions,
  closing: AbortSignal,
): Promise<void> {
  const { topicPrefix } = parts;
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart) partitions.fail(logUnreadable(messageOf(error), error));
  });
  // Nothing is committed for this group: without this it would begin anew after a rebalance.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const followed of partitions.all()) {
      if (followed.next > 0n) goTo(consumer, topicPrefix, followed, followed.next);
    }
  });
  await consumer.connect();
  await consumer.subscribe({
    topics: parts.topics.map((topic) => topicPrefix + topic),
    fromBeginning: true,
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
    // kafkajs would take a failure of ours for its own, and try again.
    eachBatch: (payload) =>
      followBatch(consumer, parts, partitions, payload, closing).catch(partitions.fail),
  });
}

/** Applies a batch as far as its partition's limit, and pauses the partition there. */
async function followBatch(
  consumer: Consumer,
  { topicPrefix, limits, applyBatch }: FollowParts,
  partitions: FollowedPartitions,
  { batch, heartbeat, isRunning, isStale, resolveOffset }: EachBatchPayload,
  closing: AbortSignal,
): Promise<void> {
  const topic = batch.topic.slice(topicPrefix.length);
  const followed = partitions.at(topic, batch.partition);
  const lease = createPartitionLease({ heartbeat, isOurs: isRunning, closing });
  const within = batch.messages.filter(({ offset }) => BigInt(offset) < followed.limit);
  for (const messages of cutBatch(within, limits)) {
    if (!isRunning() || isStale()) return;
    const records = messages.map((message) => toConsumedRecord(topic, batch.partition, message));
    const outcome = await applyBatch(records as [ConsumedRecord, ...ConsumedRecord[]], lease);
    if (outcome.kind === 'gap') return goTo(consumer, topicPrefix, followed, outcome.nextOffset);
    followed.next = outcome.nextOffset;
    resolveOffset(String(records.at(-1)?.offset));
    await heartbeat();
  }
  if (followed.next >= followed.limit) {
    consumer.pause([{ topic: batch.topic, partitions: [followed.partition] }]);
    partitions.advanced();
  }
}

function goTo(
  consumer: Consumer,
  topicPrefix: string,
  { topic, partition }: FollowedPartition,
  nextOffset: bigint,
): void {
  consumer.seek({ topic: topicPrefix + topic, partition, offset: String(nextOffset) });
}
