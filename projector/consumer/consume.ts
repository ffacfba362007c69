// The loop: from Kafka's batches to applied ones. MySQL's checkpoints say where a partition goes on;
// the offsets that Kafka's group keeps are a hint, for tools that show lag and for a quick start.
import kafkajs, { type Consumer, type EachBatchPayload, type Kafka } from 'kafkajs';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { METADATA_AGE_MS } from '../../platform/kafka/client.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Condition } from '../consumer-health.ts';
import { type ApplyBatch, laneOf } from '../projection/apply-batch.ts';
import { type BatchLimits, cutBatch } from './cut-batch.ts';
import { codeOf, reasonOf } from './failures.ts';
import { type LogRecord, toLogRecord } from './log-record.ts';
import { createTurn, type Turn, TurnEnded } from './partition-lease.ts';
import type { Progress } from './progress.ts';
import { type Position, watchCheckpoints } from './watch-checkpoints.ts';

type Parts = {
  kafka: Kafka;
  /** How the health answers call this consumer. */
  name: string;
  groupId: string;
  /** Logical names. */
  topics: readonly string[];
  topicPrefix: string;
  partitionsAtOnce: number;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
  /** The checkpoint of a partition. */
  readNextOffset: (topic: string, partition: number) => Promise<bigint>;
  condition: Condition;
  progress: Progress;
  logger: Logger;
  /** Called once, when this consumer can't go on: the process has to end. */
  fail: (reason: string) => void;
};

/** A member that was killed is given up after this: so long its partitions stand still. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 2_000;
/** An idle fetch returns after this, and so does a stop. */
const FETCH_WAIT_MS = 1_000;
const SEEK_BACKOFF: Backoff = { firstMs: 1_000, factor: 2, maxMs: 30_000 };
/** So often in a row may Kafka and the checkpoint disagree about a partition. */
const MAX_DISAGREEMENTS = 3;

/**
 * Joins the group and consumes until closed.
 * @returns what ends it: the batches under way are finished, then it leaves the group
 * @throws when Kafka can't be reached, or a topic is not there
 */
export async function startConsumer(parts: Parts): Promise<() => Promise<void>> {
  const { kafka, topics, topicPrefix } = parts;
  const consumer = kafka.consumer({
    groupId: parts.groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_AGE_MS,
  });
  const closing = new AbortController();
  const positions = new Map<string, Position>();
  watch(consumer, parts);
  seekAtJoin(consumer, parts, closing.signal);
  // What was applied by this process before a rebalance says nothing: others went on from there.
  consumer.on(consumer.events.GROUP_JOIN, () => positions.clear());
  await consumer.connect();
  await consumer.subscribe({
    topics: topics.map((topic) => topicPrefix + topic),
    fromBeginning: true,
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: parts.partitionsAtOnce,
    eachBatch: createEachBatch(consumer, parts, positions, closing.signal),
  });
  const endWatch = watchCheckpoints({
    ...parts,
    positions,
    goTo: ({ topic, partition, nextOffset }) => {
      positions.delete(laneOf(topic, partition));
      const offset = String(nextOffset);
      consumer.seek({ topic: topicPrefix + topic, partition, offset });
    },
  });
  return async () => {
    closing.abort();
    endWatch();
    await consumer.disconnect();
  };
}

function watch(consumer: Consumer, { name, condition, logger, fail }: Parts): void {
  const { events } = consumer;
  for (const event of [events.FETCH_START, events.FETCH, events.HEARTBEAT, events.REQUEST]) {
    consumer.on(event, () => condition.turned(name));
  }
  consumer.on(events.HEARTBEAT, () => condition.heard(name));
  consumer.on(events.GROUP_JOIN, () => condition.joined(name, true));
  for (const event of [events.REBALANCING, events.STOP, events.DISCONNECT]) {
    consumer.on(event, () => condition.joined(name, false));
  }
  consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
    condition.turned(name);
    condition.joined(name, false);
    logger.warn({ consumer: name, reason: reasonOf(error), restart }, 'consumer crashed');
    if (!restart) fail(`the consumer of ${name} ended: ${reasonOf(error)}`);
  });
}

/**
 * Goes to the checkpoints after each join. Behind them, Kafka's offset only costs time. Ahead of
 * them (another database, one restored from a backup), and with nothing new in the log to give it
 * away, records in between would stay unapplied unnoticed.
 */
function seekAtJoin(
  consumer: Consumer,
  { topicPrefix, readNextOffset, logger }: Parts,
  closing: AbortSignal,
): void {
  let joins = 0;
  const seekAll = async (assignment: Record<string, number[]>, join: number): Promise<void> => {
    for (const [physicalTopic, partitions] of Object.entries(assignment)) {
      const topic = physicalTopic.slice(topicPrefix.length);
      for (const partition of partitions) {
        const offset = await readNextOffset(topic, partition);
        if (join !== joins || closing.aborted) return;
        consumer.seek({ topic: physicalTopic, partition, offset: String(offset) });
      }
    }
  };
  consumer.on(consumer.events.GROUP_JOIN, async ({ payload: { memberAssignment } }) => {
    joins += 1;
    const join = joins;
    for (let attempt = 0; join === joins && !closing.aborted; attempt += 1) {
      try {
        await seekAll(memberAssignment, join);
        return;
      } catch (error) {
        logger.warn({ reason: reasonOf(error) }, "the checkpoints can't be read: trying again");
        await pause(backoffMs(SEEK_BACKOFF, attempt), closing);
      }
    }
  });
}

function createEachBatch(
  consumer: Consumer,
  parts: Parts,
  positions: Map<string, Position>,
  closing: AbortSignal,
) {
  const { topicPrefix, limits, applyBatch, condition, progress, logger, name } = parts;
  const disagreements = new Map<string, number>();

  // Both have the same remedy, and the same end when it does not help: the log in Kafka is not the
  // one that the rows were made from.
  const goToCheckpoint = (payload: EachBatchPayload, nextOffset: bigint, isAgreed: boolean) => {
    const { batch } = payload;
    const lane = laneOf(batch.topic.slice(topicPrefix.length), batch.partition);
    const times = isAgreed ? 0 : (disagreements.get(lane) ?? 0) + 1;
    disagreements.set(lane, times);
    if (times > MAX_DISAGREEMENTS) {
      throw new kafkajs.KafkaJSNonRetriableError(
        `${lane} is applied up to ${nextOffset}, but its log goes from ${batch.firstOffset()} to ${batch.highWatermark}`,
      );
    }
    const { topic, partition } = batch;
    consumer.seek({ topic, partition, offset: String(nextOffset) });
  };

  const consumeAll = async (payload: EachBatchPayload, turn: Turn): Promise<void> => {
    const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
    const topic = batch.topic.slice(topicPrefix.length);
    const lane = laneOf(topic, batch.partition);
    const logEnd = BigInt(batch.highWatermark);
    for (const messages of cutBatch(batch.messages, limits)) {
      if (!isRunning() || isStale()) return;
      const records = messages.map((message) => toLogRecord(topic, batch.partition, message));
      const outcome = await applyBatch(records as [LogRecord, ...LogRecord[]], turn);
      condition.turned(name);
      const { nextOffset } = outcome;
      if (outcome.kind === 'gap') return goToCheckpoint(payload, nextOffset, false);
      progress.advanced(lane, outcome.counts, nextOffset, logEnd);
      const last = records.at(-1)?.offset ?? 0n;
      if (nextOffset > last + 1n) return goToCheckpoint(payload, nextOffset, nextOffset <= logEnd);
      disagreements.delete(lane);
      positions.set(lane, { topic, partition: batch.partition, nextOffset });
      resolveOffset(String(last));
      await heartbeat();
    }
    const offset = String(BigInt(batch.lastOffset()) + 1n);
    const { partition } = batch;
    await payload.commitOffsetsIfNecessary({
      topics: [{ topic: batch.topic, partitions: [{ partition, offset }] }],
    });
  };

  return async (payload: EachBatchPayload): Promise<void> => {
    const { heartbeat, isRunning } = payload;
    const turn = createTurn({ heartbeat, isOurs: isRunning, closing });
    try {
      await consumeAll(payload, turn);
    } catch (error) {
      if (error instanceof TurnEnded) {
        // kafkajs joins again when its own error comes back to it.
        if (error.cause !== undefined) throw error.cause;
        return;
      }
      if (isOfKafka(error)) throw error;
      logger.fatal({ code: codeOf(error), err: withoutRows(error) }, 'nobody thought of this');
      throw new kafkajs.KafkaJSNonRetriableError(reasonOf(error));
    }
  };
}

function isOfKafka(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

// The message of a database error repeats the whole statement, people's ids included.
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { stack = '', name } = error;
  return { name, reason: reasonOf(error), stack: stack.slice(stack.indexOf('\n    at ')) };
}
