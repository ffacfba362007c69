// The snapshots that the log holds, and whether one of them fits the log as it is now.
import { SNAPSHOT_FORMAT, type SnapshotCompleted } from '../../contracts/snapshot.ts';
import {
  CHUNKS_PARTITION,
  COMPLETIONS_PARTITION,
  SNAPSHOTS_TOPIC,
} from '../../contracts/topics.ts';
import { decodeReadable } from '../../platform/avro/decode-readable.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { withAdmin } from '../../platform/kafka/admin.ts';
import { readRecords } from '../../platform/kafka/range-reader.ts';
import type { LogRange } from '../../platform/kafka/record.ts';
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
  const ranges = await withAdmin(log.kafka, async (admin) =>
    (await admin.listTopics()).includes(topic) ? admin.rangesOf(topic) : [],
  );
  const chunks = rangeOf(ranges, CHUNKS_PARTITION);
  const completions = rangeOf(ranges, COMPLETIONS_PARTITION);
  if (chunks === undefined || completions === undefined) return [];
  const found: ListedSnapshot[] = [];
  for await (const { offset, value } of readRecords(log.kafka, [completions], signal)) {
    const completed = await readCompletion(log.codec, value);
    if (completed !== null && isWhole(completed, chunks)) found.push({ completed, offset });
  }
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
    if (next < range.from) return `it ends at ${next} in ${place}, which begins at ${range.from}`;
    if (next > range.to) return `it goes to ${next} in ${place}, further than ${range.to}`;
    if (highestEpoch !== null && highestEpoch >= limits.epoch) {
      return `it knows epoch ${highestEpoch} in ${place}, and this is ${limits.epoch}`;
    }
  }
  const unknown = limits.ranges.find(
    ({ topic, partition, from }) =>
      from > 0n && !snapshot.partitions.some((p) => p.topic === topic && p.partition === partition),
  );
  return unknown === undefined
    ? null
    : `it does not know ${unknown.topic}/${unknown.partition}, which begins at ${unknown.from}`;
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
