// A new epoch in the log: claimed in its own topic, then marked in every partition of the events.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { recordNameOf } from '../contracts/event-record.ts';
import { formatPartitions, type Partitions } from '../contracts/partitions.ts';
import { EPOCHS_TOPIC } from '../contracts/topics.ts';
import type { EpochClaimed, EpochStarted } from '../domain/coupon-events.ts';
import { type Backoff, backoffMs, pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { createProducer, demandOffsets, type RecordToSend } from '../platform/kafka/producer.ts';
import type { EventPartition, Log } from './log.ts';

type Mark = EventPartition & { eventId: string };
/** Where this rebuild's own marker lies in a partition, acknowledged. */
export type Marker = Mark & { offset: bigint };

const ACKNOWLEDGE_MS = 10_000;
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
  const topic = log.topicPrefix + EPOCHS_TOPIC;
  const [offset] = await sendOnce(log.kafka, [{ topic, partition: 0, value }]);
  return Number(offset);
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
  const records = marks.map(({ topic, partition, eventId }) => {
    const marker: EpochStarted = { type: 'EpochStarted', eventId, epoch, occurredAt: nowMs };
    const value = log.codec.encode(topic, recordNameOf(marker), marker);
    return { topic: log.topicPrefix + topic, partition, value };
  });
  const offsets = await sendOnce(log.kafka, records);
  return marks.map((mark, n) => ({ ...mark, offset: offsets[n] as bigint }));
}

// A producer for one send: what failed leaves nothing behind, and nothing is sent twice unseen.
async function sendOnce(kafka: KafkaClient, records: readonly RecordToSend[]): Promise<bigint[]> {
  const producer = createProducer(kafka, { retries: 0 });
  try {
    const outcome = await producer.send(records, { timeoutMs: ACKNOWLEDGE_MS });
    return demandOffsets(outcome, 'the new epoch');
  } finally {
    await producer.close();
  }
}
