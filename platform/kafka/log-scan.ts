// Reading stretches of topics once, from and to stated offsets: for tools, checks and rebuilds.
// kafkajs has no consumer without a group, so each scan has one of its own and deletes it.
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { AppError, messageOf } from '../errors.ts';
import { disconnectSoon } from './client.ts';

/** Without a record for so long, a scan gives up: the brokers are away, or the offsets are gone. */
const STALL_MS = 30_000;
const SESSION_MS = 60_000;
/** A broker without news answers after so long; the end of the scan waits for that answer. */
const IDLE_FETCH_MS = 20;
/** Large fetches: a million small records come in a few hundred batches. */
const FETCH_BYTES = { maxBytesPerPartition: 4_194_304, maxBytes: 33_554_432 };

/** Offsets of one partition: `from` included, `to` not. */
export type LogRange = { partition: number; from: bigint; to: bigint };

/** A stretch of one partition of one of several topics (physical names). */
export type TopicRange = LogRange & { topic: string };

/** A record as it lies in the log. */
type LogEntry = { partition: number; offset: bigint; message: KafkaMessage };

/** Records of one partition that came together, in order, all inside its range. */
export type LogBatch = { topic: string; partition: number; messages: KafkaMessage[] };

/** 'stop' ends the whole scan. */
type Verdict = 'go on' | 'stop' | undefined;

/** Looks at one record. */
export type Visit = (entry: LogEntry) => Promise<Verdict> | Verdict;

/** Looks at one batch; a visit that takes seconds calls `heartbeat` now and then. */
export type VisitBatch = (
  batch: LogBatch,
  heartbeat: () => Promise<void>,
) => Promise<Verdict> | Verdict;

/**
 * What each partition of `topic` (physical) holds at this moment.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function rangesOf(kafka: Kafka, topic: string): Promise<LogRange[]> {
  const admin = kafka.admin();
  await ask(() => admin.connect());
  try {
    const offsets = await ask(() => admin.fetchTopicOffsets(topic));
    return offsets.map(({ partition, low, high }) => ({
      partition,
      from: BigInt(low),
      to: BigInt(high),
    }));
  } finally {
    await disconnectSoon(admin);
  }
}

/**
 * Gives every record in these ranges of `topic` (physical) to `visit`: in order within a partition,
 * one at a time.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); whatever `visit` throws, as it is
 */
export async function scanLog(
  kafka: Kafka,
  topic: string,
  ranges: readonly LogRange[],
  visit: Visit,
): Promise<void> {
  const visitEach: VisitBatch = async ({ partition, messages }, heartbeat) => {
    for (const message of messages) {
      if ((await visit({ partition, offset: BigInt(message.offset), message })) === 'stop') {
        return 'stop';
      }
      await heartbeat();
    }
    return 'go on';
  };
  await scanBatches(
    kafka,
    ranges.map((range) => ({ ...range, topic })),
    visitEach,
  );
}

/**
 * Gives every record in these ranges to `visit`, batch by batch: in order within a partition, the
 * partitions side by side, one batch at a time.
 * @param signal ends the scan early; it then throws the signal's reason
 * @throws AppError KAFKA_UNAVAILABLE (retriable); whatever `visit` throws, as it is
 */
export async function scanBatches(
  kafka: Pick<Kafka, 'consumer' | 'admin'>,
  ranges: readonly TopicRange[],
  visit: VisitBatch,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const left = new Map(
    ranges.filter(({ from, to }) => from < to).map((range) => [placeOf(range), range]),
  );
  if (left.size === 0) return;
  const groupId = `firstcome-scan-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: SESSION_MS,
    maxWaitTimeInMs: IDLE_FETCH_MS,
    ...FETCH_BYTES,
  });
  try {
    await ask(() => consumer.connect());
    const topics = [...new Set(ranges.map(({ topic }) => topic))];
    await ask(() => consumer.subscribe({ topics, fromBeginning: true }));
    await consume(consumer, left, visit, signal);
  } finally {
    await disconnectSoon(consumer);
    // A group that is left behind does no harm and goes by itself: no reason to wait, or to fail.
    void deleteGroup(kafka, groupId).catch(() => undefined);
  }
}

async function consume(
  consumer: Consumer,
  left: Map<string, TopicRange>,
  visit: VisitBatch,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  // It may be rejected before anybody waits for it, and then it must not end the process.
  ended.promise.catch(() => undefined);
  let running = true;
  const end = (finish: () => void): void => {
    running = false;
    finish();
  };
  const stall = setTimeout(
    () => end(() => ended.reject(noAnswer(`no record for ${STALL_MS} ms`))),
    STALL_MS,
  );
  const abort = (): void => end(() => ended.reject(signal?.reason));
  signal?.addEventListener('abort', abort);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    end(() => ended.reject(noAnswer(messageOf(payload.error), payload.error)));
  });
  const eachBatch = async ({ batch, heartbeat, pause }: EachBatchPayload): Promise<void> => {
    const range = left.get(placeOf(batch));
    if (range === undefined) {
      // Nobody asked for this partition, or for more of it: its records would only be in the way.
      pause();
      return;
    }
    if (!running) return;
    stall.refresh();
    const { topic, partition } = batch;
    const messages = within(range, batch.messages);
    if ((await visit({ topic, partition, messages }, heartbeat)) === 'stop') end(ended.resolve);
    if (!running) return;
    await heartbeat();
    if (BigInt(batch.lastOffset()) + 1n >= range.to) left.delete(placeOf(batch));
    if (left.size === 0) end(ended.resolve);
  };
  try {
    signal?.throwIfAborted();
    // Waited for also when the signal aborts: kafkajs joins again if it is disconnected while it joins.
    await ask(() =>
      consumer.run({
        autoCommit: false,
        // kafkajs would call a fault of `visit` its own, and try again.
        eachBatch: (payload) =>
          eachBatch(payload).catch((error: unknown) => end(() => ended.reject(error))),
      }),
    );
    for (const { topic, partition, from } of left.values()) {
      // The group begins at the beginning by itself; a seek would throw away what is on its way.
      if (from > 0n) consumer.seek({ topic, partition, offset: String(from) });
    }
    await ended.promise;
  } finally {
    clearTimeout(stall);
    signal?.removeEventListener('abort', abort);
  }
}

function placeOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

// Looking at the first and the last is enough for nearly every batch.
function within({ from, to }: LogRange, messages: KafkaMessage[]): KafkaMessage[] {
  const isInside = ({ offset }: KafkaMessage): boolean =>
    BigInt(offset) >= from && BigInt(offset) < to;
  const [first, last] = [messages[0], messages.at(-1)];
  if (first === undefined || last === undefined) return messages;
  return isInside(first) && isInside(last) ? messages : messages.filter(isInside);
}

async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw noAnswer(messageOf(cause), cause);
  }
}

function noAnswer(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, {
    cause,
    retriable: true,
  });
}

async function deleteGroup(kafka: Pick<Kafka, 'admin'>, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.deleteGroups([groupId]);
  } finally {
    await disconnectSoon(admin);
  }
}
