// The snapshots that the log holds, and whether one of them fits the log as it is now.
import { SNAPSHOT_FORMAT, type SnapshotCompleted } from '../../contracts/snapshot.ts';
import {
  CHUNKS_PARTITION,
  COMPLETIONS_PARTITION,
  SNAPSHOTS_TOPIC,
} from '../../contracts/topics.ts';
import { decodeReadable } from '../../platform/avro/decode-readable.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import { disconnectSoon } from '../../platform/kafka/client.ts';
import {
  type LogBatch,
  type LogRange,
  rangesOf,
  scanBatches,
} from '../../platform/kafka/log-scan.ts';
import type { EventRange, Log } from '../log.ts';

/** A completed snapshot; `offset`: where its completion lies. */
export type ListedSnapshot = { completed: SnapshotCompleted; offset: bigint };

/** What a snapshot must fit: the partitions up to these offsets, and epochs below this one. */
export type SnapshotLimits = { ranges: readonly EventRange[]; epoch: number };

/**
 * Every completed snapshot whose chunks were not deleted, the newest first. None when the topic is
 * not there: it may be older than snapshots are.
 * @throws AppError KAFKA_UNAVAILABLE, REGISTRY_UNAVAILABLE (both retriable); the signal's reason
 */
export async function listSnapshots(log: Log, signal: AbortSignal): Promise<ListedSnapshot[]> {
  const topic = log.topicPrefix + SNAPSHOTS_TOPIC;
  if (!(await isThere(log, topic))) return [];
  const ranges = await rangesOf(log.kafka, topic);
  const chunks = rangeOf(ranges, CHUNKS_PARTITION);
  const completions = rangeOf(ranges, COMPLETIONS_PARTITION);
  if (chunks === undefined || completions === undefined) return [];
  const found: ListedSnapshot[] = [];
  const visit = async ({ messages }: LogBatch): Promise<undefined> => {
    for (const { offset, value } of messages) {
      const completed = await readCompletion(log.codec, value);
      if (completed === null || !isWhole(completed, chunks)) continue;
      found.push({ completed, offset: BigInt(offset) });
    }
  };
  await scanBatches(log.kafka, [{ topic, ...completions }], visit, signal);
  return found.reverse();
}

/** Why `snapshot` does not fit the log within the limits; null: nothing in it contradicts the log. */
export function whyUnfit(snapshot: SnapshotCompleted, limits: SnapshotLimits): string | null {
  for (const { topic, partition, next, highestEpoch } of snapshot.partitions) {
    const place = `${topic}/${partition}`;
    const range = limits.ranges.find(
      (candidate) => candidate.topic === topic && candidate.partition === partition,
    );
    if (range === undefined) return `there is no ${place}`;
    if (next > range.to) return `it goes to ${next} in ${place}, further than ${range.to}`;
    if (highestEpoch !== null && highestEpoch >= limits.epoch) {
      return `it knows epoch ${highestEpoch} in ${place}, and this is ${limits.epoch}`;
    }
  }
  return null;
}

async function isThere({ kafka }: Log, topic: string): Promise<boolean> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.listTopics()).includes(topic);
  } catch (cause) {
    throw new AppError('KAFKA_UNAVAILABLE', `the topics: ${messageOf(cause)}`, {
      cause,
      retriable: true,
    });
  } finally {
    await disconnectSoon(admin);
  }
}

function rangeOf(ranges: readonly LogRange[], partition: number): LogRange | undefined {
  return ranges.find((range) => range.partition === partition);
}

/** @returns null when it is nothing that this version can use */
async function readCompletion(
  codec: EventCodec,
  value: Buffer | null,
): Promise<SnapshotCompleted | null> {
  const record = await decodeReadable(codec, value);
  if (record?.name !== 'SnapshotCompleted' || record.event.format !== SNAPSHOT_FORMAT) return null;
  return record.event as SnapshotCompleted;
}

function isWhole({ chunks, firstChunk, endOfChunks }: SnapshotCompleted, range: LogRange): boolean {
  return chunks === 0 || (BigInt(firstChunk) >= range.from && BigInt(endOfChunks) <= range.to);
}
