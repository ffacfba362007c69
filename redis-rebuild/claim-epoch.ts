// A new epoch in the log: claimed in its own topic, then marked in every partition of the events.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import { recordNameOf } from '../contracts/event-record.ts';
import { formatPartitions, type Partitions } from '../contracts/partitions.ts';
import { EPOCHS_TOPIC } from '../contracts/topics.ts';
import type { EpochClaimed, EpochStarted } from '../domain/coupon-events.ts';
import { type Backoff, backoffMs, pause } from '../platform/backoff.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { disconnectSoon } from '../platform/kafka/client.ts';
import type { EventPartition, Log } from './log.ts';

type Mark = EventPartition & { eventId: string };
/** Where this rebuild's own marker lies in a partition, acknowledged. */
export type Marker = Mark & { offset: bigint };

const ACKNOWLEDGE_MS = 8_000;
const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 2_000 };

/**
 * Claims a new epoch: the offset of the claim. Sent once; a claim whose outcome is not known counts
 * for nobody, and the next attempt makes its own.
 * @param partitions those that will be marked
 * @param nowMs Redis' clock
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function claimEpoch(log: Log, partitions: Partitions, nowMs: number): Promise<number> {
  const claimed: EpochClaimed = {
    type: 'EpochClaimed',
    claimedBy: `rebuild on ${hostname()}, process ${process.pid}`,
    claimedAt: nowMs,
    partitions: formatPartitions(partitions),
  };
  const value = log.codec.encode(EPOCHS_TOPIC, recordNameOf(claimed), claimed);
  const [written] = await withProducer(log.kafka, (producer) =>
    producer.send({
      topic: log.topicPrefix + EPOCHS_TOPIC,
      acks: -1,
      timeout: ACKNOWLEDGE_MS,
      messages: [{ partition: 0, value }],
    }),
  );
  return Number(offsetIn(written));
}

/**
 * Writes `EpochStarted(epoch)` to each of these partitions, again and again until all are
 * acknowledged: a marker that is there twice says the same twice.
 * @param nowMs Redis' clock
 * @param signal gives up; the signal's reason is thrown
 */
export async function markLog(
  log: Log,
  partitions: readonly EventPartition[],
  epoch: number,
  nowMs: number,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Marker[]> {
  // The same ids at every attempt: whatever of them is in the log is this rebuild's own.
  const marks = partitions.map((partition): Mark => ({ ...partition, eventId: randomUUID() }));
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await sendMarks(log, marks, epoch, nowMs);
    } catch (error) {
      if (!(error instanceof AppError && error.retriable === true)) throw error;
      report(`not every marker was acknowledged, they go out again: ${error.message}`);
      await pause(backoffMs(RETRY, attempt), signal);
      signal.throwIfAborted();
    }
  }
}

async function sendMarks(
  log: Log,
  marks: readonly Mark[],
  epoch: number,
  nowMs: number,
): Promise<Marker[]> {
  const byTopic = Map.groupBy(marks, ({ topic }) => topic);
  const topicMessages = [...byTopic].map(([topic, ofTopic]) => ({
    topic: log.topicPrefix + topic,
    messages: ofTopic.map(({ partition, eventId }) => {
      const marker: EpochStarted = { type: 'EpochStarted', eventId, epoch, occurredAt: nowMs };
      return { partition, value: log.codec.encode(topic, recordNameOf(marker), marker) };
    }),
  }));
  const written = await withProducer(log.kafka, (producer) =>
    producer.sendBatch({ acks: -1, timeout: ACKNOWLEDGE_MS, topicMessages }),
  );
  return marks.map((mark) => {
    const acknowledged = written.find(
      ({ topicName, partition }) =>
        topicName === log.topicPrefix + mark.topic && partition === mark.partition,
    );
    return { ...mark, offset: offsetIn(acknowledged) };
  });
}

// A producer for one send: what failed leaves nothing behind, and nothing is sent twice unseen.
async function withProducer<T>(kafka: Kafka, send: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
  });
  try {
    await producer.connect();
    return await send(producer);
  } catch (cause) {
    throw unacknowledged(messageOf(cause), cause);
  } finally {
    await disconnectSoon(producer);
  }
}

function offsetIn(written: { baseOffset?: string } | undefined): bigint {
  if (written?.baseOffset === undefined) throw unacknowledged('no offset in the answer');
  return BigInt(written.baseOffset);
}

function unacknowledged(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `the new epoch: ${reason}`, { cause, retriable: true });
}
