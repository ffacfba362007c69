// Reading a stretch of a topic once, from and to stated offsets: for tools, checks and rebuilds.
// kafkajs has no consumer without a group, so each scan has one of its own and deletes it.
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { AppError, messageOf } from './errors.ts';

/** Without a record for so long, a scan gives up: the brokers are away, or the offsets are gone. */
const STALL_MS = 30_000;

/** Offsets of one partition: `from` included, `to` not. */
export type LogRange = { partition: number; from: bigint; to: bigint };

/** A record as it lies in the log. */
export type LogEntry = { partition: number; offset: bigint; message: KafkaMessage };

/** Looks at one record; 'stop' ends the whole scan. */
export type Visit = (
  entry: LogEntry,
) => Promise<'go on' | 'stop' | undefined> | 'go on' | 'stop' | undefined;

/** What each partition of `topic` (physical) holds at this moment. */
export async function rangesOf(kafka: Kafka, topic: string): Promise<LogRange[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.map(({ partition, low, high }) => ({
      partition,
      from: BigInt(low),
      to: BigInt(high),
    }));
  } finally {
    await admin.disconnect();
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
  const left = new Map(ranges.filter(({ from, to }) => from < to).map((r) => [r.partition, r]));
  if (left.size === 0) return;
  const groupId = `firstcome-scan-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consume(consumer, topic, left, visit);
  } finally {
    await consumer.disconnect();
    await deleteGroup(kafka, groupId);
  }
}

async function consume(
  consumer: Consumer,
  topic: string,
  left: Map<number, LogRange>,
  visit: Visit,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  let running = true;
  const end = (finish: () => void): void => {
    running = false;
    finish();
  };
  const stall = setTimeout(
    () => end(() => ended.reject(noAnswer(topic, `no record for ${STALL_MS} ms`))),
    STALL_MS,
  );
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    end(() => ended.reject(noAnswer(topic, messageOf(payload.error), payload.error)));
  });
  const eachBatch = async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    const range = left.get(batch.partition);
    if (range === undefined) return;
    stall.refresh();
    for (const entry of entriesIn(batch.partition, batch.messages, range)) {
      if (!running) return;
      if ((await visit(entry)) === 'stop') end(ended.resolve);
      await heartbeat();
    }
    if (BigInt(batch.lastOffset()) + 1n >= range.to) left.delete(batch.partition);
    if (left.size === 0) end(ended.resolve);
  };
  try {
    await consumer.run({
      autoCommit: false,
      // kafkajs would call a fault of `visit` its own, and try again.
      eachBatch: (payload) =>
        eachBatch(payload).catch((error: unknown) => end(() => ended.reject(error))),
    });
    for (const { partition, from } of left.values()) {
      consumer.seek({ topic, partition, offset: String(from) });
    }
    await ended.promise;
  } finally {
    clearTimeout(stall);
  }
}

function entriesIn(partition: number, messages: KafkaMessage[], range: LogRange): LogEntry[] {
  return messages
    .map((message) => ({ partition, offset: BigInt(message.offset), message }))
    .filter(({ offset }) => offset >= range.from && offset < range.to);
}

function noAnswer(topic: string, reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading ${topic}: ${reason}`, {
    cause,
    retriable: true,
  });
}

async function deleteGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    // A group that is left behind does no harm and goes by itself: no reason to fail the scan.
    await admin.deleteGroups([groupId]).catch(() => undefined);
  } finally {
    await admin.disconnect();
  }
}
