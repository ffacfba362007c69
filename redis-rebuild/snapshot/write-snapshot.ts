// A fold into the topic of the snapshots: its chunks, then, once all of them are acknowledged, that it
// is complete. Who dies in between leaves chunks that mean nothing.
import { randomUUID } from 'node:crypto';
import { recordNameOf } from '../../contracts/event-record.ts';
import {
  SNAPSHOT_FORMAT,
  type SnapshotChunk,
  type SnapshotCompleted,
  type SnapshotPartition,
} from '../../contracts/snapshot.ts';
import {
  CHUNKS_PARTITION,
  COMPLETIONS_PARTITION,
  SNAPSHOTS_TOPIC,
} from '../../contracts/topics.ts';
import { withAdmin } from '../../platform/kafka/admin.ts';
import {
  createProducer,
  demandOffsets,
  type RecordProducer,
} from '../../platform/kafka/producer.ts';
import { type LogFold, type PartitionFold, sizeOf } from '../fold/fold.ts';
import type { Log } from '../log.ts';
import { chunksOf } from './snapshot-chunks.ts';
import type { ListedSnapshot } from './snapshot-list.ts';

const CHUNKS_AT_ONCE = 4;
const ACKNOWLEDGE_MS = 30_000;
/** The newest, and one for when the newest turns out to be no use. */
const KEPT = 2;

/**
 * Writes `fold` as a snapshot, acknowledged by all in-sync replicas.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); the signal's reason. No snapshot was completed then,
 * unless its very acknowledgement was lost: it is a good one in that case.
 */
export async function writeSnapshot(
  log: Log,
  fold: LogFold,
  signal: AbortSignal,
): Promise<SnapshotCompleted> {
  const snapshotId = randomUUID();
  const producer = createProducer(log.kafka);
  try {
    const offsets = await sendChunks(log, producer, chunksOf(fold.coupons, snapshotId), signal);
    const completed: SnapshotCompleted = {
      type: 'SnapshotCompleted',
      ...{ snapshotId, format: SNAPSHOT_FORMAT, completedAt: Date.now() },
      firstChunk: offsets.length === 0 ? 0 : Math.min(...offsets),
      endOfChunks: offsets.length === 0 ? 0 : Math.max(...offsets) + 1,
      ...{ chunks: offsets.length, ...sizeOf(fold), records: fold.records, voided: fold.fenced },
      partitions: fold.partitions.map(toPartition),
    };
    await send(log, producer, COMPLETIONS_PARTITION, completed);
    return completed;
  } finally {
    await producer.close();
  }
}

/**
 * Deletes the records of all but the newest two of `snapshots`, which are in the order of
 * `listSnapshots`, and with them whatever unfinished ones left behind.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function deleteOldSnapshots(
  { kafka, topicPrefix }: Log,
  snapshots: readonly ListedSnapshot[],
): Promise<void> {
  const kept = snapshots.slice(0, KEPT);
  const oldest = kept.at(-1);
  if (kept.length < KEPT || oldest === undefined) return;
  const chunked = kept.filter(({ completed }) => completed.chunks > 0);
  const first = Math.min(...chunked.map(({ completed }) => completed.firstChunk));
  const offsets = new Map([[COMPLETIONS_PARTITION, oldest.offset]]);
  if (chunked.length > 0) offsets.set(CHUNKS_PARTITION, BigInt(first));
  const topic = topicPrefix + SNAPSHOTS_TOPIC;
  await withAdmin(kafka, (admin) => admin.deleteRecordsBefore(topic, offsets));
}

/** @returns the offsets of the chunks */
async function sendChunks(
  log: Log,
  producer: RecordProducer,
  chunks: Generator<SnapshotChunk>,
  signal: AbortSignal,
): Promise<number[]> {
  const offsets: number[] = [];
  const work = async (): Promise<void> => {
    for (const chunk of chunks) {
      signal.throwIfAborted();
      offsets.push(await send(log, producer, CHUNKS_PARTITION, chunk));
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: CHUNKS_AT_ONCE }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return offsets;
}

/** @returns its offset */
async function send(
  { codec, topicPrefix }: Log,
  producer: RecordProducer,
  partition: number,
  record: SnapshotChunk | SnapshotCompleted,
): Promise<number> {
  const value = codec.encode(SNAPSHOTS_TOPIC, recordNameOf(record), record);
  const records = [{ topic: topicPrefix + SNAPSHOTS_TOPIC, partition, value }];
  const outcome = await producer.send(records, { timeoutMs: ACKNOWLEDGE_MS });
  return Number(demandOffsets(outcome, 'the snapshot')[0]);
}

function toPartition(place: PartitionFold): SnapshotPartition {
  return { ...place, next: Number(place.next) };
}
