// Reading the log from its start, each partition up to a limit that is raised as time goes on: as a
// projector that goes no further than it is told.
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { AppError, messageOf } from '../../platform/errors.ts';
import { disconnectSoon } from '../../platform/kafka/client.ts';
import { type BatchLimits, cutBatch } from '../consumer/cut-batch.ts';
import { type LogRecord, toLogRecord } from '../consumer/log-record.ts';
import { createTurn } from '../consumer/partition-lease.ts';
import { type ApplyBatch, laneOf } from '../projection/apply-batch.ts';

export type LogFollower = {
  /**
   * Raises the limits: by partition (`laneOf`), the offset that is not applied any more.
   * Resolves when every partition is there.
   * @throws AppError KAFKA_UNAVAILABLE (retriable) after `waitMs` (a day when not said); whatever
   * applying threw
   */
  to(limits: ReadonlyMap<string, bigint>, waitMs?: number): Promise<void>;
  /** How many records were dealt with so far. */
  applied(): bigint;
  close(): Promise<void>;
};

type Lane = { topic: string; partition: number; limit: bigint; next: bigint };

const SESSION_TIMEOUT_MS = 30_000;
const HEARTBEAT_INTERVAL_MS = 3_000;
/** Short: a limit that is raised is looked at again after this. */
const FETCH_WAIT_MS = 50;
const FETCH_BYTES = { maxBytesPerPartition: 4_194_304, maxBytes: 33_554_432 };
const PARTITIONS_AT_ONCE = 6;
const DAY_MS = 86_400_000;

/** Follows `topics` (logical) with a consumer group of its own, from their first records on. */
export async function followLog(parts: {
  kafka: Kafka;
  topics: readonly string[];
  topicPrefix: string;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
}): Promise<LogFollower> {
  const { kafka, topicPrefix, applyBatch } = parts;
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
  const lanes = new Map<string, Lane>();
  let failure: { error: unknown } | undefined;
  let moved = Promise.withResolvers<void>();

  const wake = (): void => {
    moved.resolve();
    moved = Promise.withResolvers();
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    wake();
  };
  const laneAt = (topic: string, partition: number): Lane => {
    const lane = lanes.get(laneOf(topic, partition)) ?? { topic, partition, limit: 0n, next: 0n };
    lanes.set(laneOf(topic, partition), lane);
    return lane;
  };

  const followBatch = async (payload: EachBatchPayload): Promise<void> => {
    const { batch, heartbeat, isRunning, isStale, resolveOffset } = payload;
    const topic = batch.topic.slice(topicPrefix.length);
    const lane = laneAt(topic, batch.partition);
    const turn = createTurn({ heartbeat, isOurs: isRunning, closing: closing.signal });
    const within = batch.messages.filter(({ offset }) => BigInt(offset) < lane.limit);
    for (const messages of cutBatch(within, parts.limits)) {
      if (!isRunning() || isStale()) return;
      const records = messages.map((message) => toLogRecord(topic, lane.partition, message));
      const outcome = await applyBatch(records as [LogRecord, ...LogRecord[]], turn);
      if (outcome.kind === 'gap') return goTo(consumer, batch.topic, lane, outcome.nextOffset);
      lane.next = outcome.nextOffset;
      resolveOffset(String(records.at(-1)?.offset));
      await heartbeat();
    }
    if (lane.next >= lane.limit) {
      consumer.pause([{ topic: batch.topic, partitions: [lane.partition] }]);
      wake();
    }
  };

  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart) fail(unavailable(messageOf(error), error));
  });
  // Nothing is committed for this group: without this it would begin anew after a rebalance.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const lane of lanes.values()) {
      if (lane.next > 0n) goTo(consumer, topicPrefix + lane.topic, lane, lane.next);
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
    // kafkajs would call a fault of ours its own, and try again.
    eachBatch: (payload) => followBatch(payload).catch(fail),
  });

  return {
    to: async (limits, waitMs = DAY_MS) => {
      for (const [name, limit] of limits) {
        const [topic = '', partition] = name.split('/');
        const lane = laneAt(topic, Number(partition));
        if (limit <= lane.limit) continue;
        lane.limit = limit;
        consumer.resume([{ topic: topicPrefix + topic, partitions: [lane.partition] }]);
      }
      const late = { is: false };
      const timer = setTimeout(() => {
        late.is = true;
        wake();
      }, waitMs);
      try {
        while ([...lanes.values()].some(({ next, limit }) => next < limit)) {
          if (failure !== undefined) throw failure.error;
          if (late.is) throw unavailable(`not there after ${waitMs} ms`);
          await moved.promise;
        }
      } finally {
        clearTimeout(timer);
      }
    },
    applied: () => [...lanes.values()].reduce((sum, { next }) => sum + next, 0n),
    close: async () => {
      closing.abort();
      await disconnectSoon(consumer);
    },
  };
}

function goTo(consumer: Consumer, topic: string, { partition }: Lane, nextOffset: bigint): void {
  consumer.seek({ topic, partition, offset: String(nextOffset) });
}

function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, {
    cause,
    retriable: true,
  });
}
