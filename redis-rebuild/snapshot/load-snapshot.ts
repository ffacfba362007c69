// The start of a fold: the newest snapshot that fits the log, or nothing. A snapshot saves time and
// decides nothing: whatever is wrong with one, the log is read from its beginning, if it still has it.
import type { SnapshotChunk, SnapshotCompleted } from '../../contracts/snapshot.ts';
import { CHUNKS_PARTITION, SNAPSHOTS_TOPIC } from '../../contracts/topics.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import { readRecords } from '../../platform/kafka/range-reader.ts';
import type { KafkaRecord, LogRange } from '../../platform/kafka/record.ts';
import { emptyFold, identityOf, type LogFold, sizeOf } from '../fold/fold.ts';
import { headGone, type Log, whyHeadless } from '../log.ts';
import { countCoupon } from './snapshot-chunks.ts';
import {
  type ListedSnapshot,
  listSnapshots,
  type SnapshotLimits,
  whyUnfit,
} from './snapshot-list.ts';

/**
 * The fold of the first records of each partition within `limits`, from the newest snapshot that
 * fits; of no record when none does. Says in one line which it took, and why not another.
 * @throws AppError when the log has lost its first records and no snapshot could be loaded that stands
 * for them: TOPIC_MISMATCH, or KAFKA_UNAVAILABLE (retriable) when one could not be read; the signal's reason
 */
export async function loadSnapshot(
  log: Log,
  limits: SnapshotLimits,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<LogFold> {
  const refused: Refused = { reasons: [], isForNow: false };
  const reportChoice = (chosen: string): void =>
    report([chosen, ...refused.reasons.map((reason) => `not used: ${reason}`)].join('; '));
  for (const { completed } of await listOrNone(log, signal, refused)) {
    const fold = await tryToLoad(log, limits, completed, signal, refused);
    if (typeof fold !== 'string') {
      reportChoice(
        `snapshot ${completed.snapshotId}: ${completed.records} records need not be read again`,
      );
      return fold;
    }
    refused.reasons.push(`snapshot ${completed.snapshotId}, ${fold}`);
  }
  demandBeginning(limits, refused);
  reportChoice('no snapshot: every record is read');
  return emptyFold(limits.ranges);
}

/** Why snapshots were not taken; `isForNow`: one of them because something did not answer. */
type Refused = { reasons: string[]; isForNow: boolean };

function demandBeginning({ ranges }: SnapshotLimits, { reasons, isForNow }: Refused): void {
  const headless = whyHeadless(ranges);
  if (headless === null) return;
  const reason = [headless, 'and no snapshot stands for them', ...reasons].join('; ');
  if (isForNow) throw new AppError('KAFKA_UNAVAILABLE', reason, { retriable: true });
  throw headGone(reason);
}

async function listOrNone(
  log: Log,
  signal: AbortSignal,
  refused: Refused,
): Promise<ListedSnapshot[]> {
  try {
    return await listSnapshots(log, signal);
  } catch (error) {
    signal.throwIfAborted();
    refused.reasons.push(`the snapshots, ${messageOf(error)}`);
    refused.isForNow = true;
    return [];
  }
}

/** @returns why not, when it is no use */
async function tryToLoad(
  log: Log,
  limits: SnapshotLimits,
  completed: SnapshotCompleted,
  signal: AbortSignal,
  refused: Refused,
): Promise<LogFold | string> {
  const unfit = whyUnfit(completed, limits);
  if (unfit !== null) return unfit;
  const fold = emptyFold(limits.ranges);
  try {
    const fault =
      (await readInto(log, fold, completed, limits, signal)) ?? whyIncomplete(fold, completed);
    if (fault !== null) return fault;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError && error.retriable === true) refused.isForNow = true;
    return messageOf(error);
  }
  fold.records = completed.records;
  fold.fenced = completed.voided;
  fold.snapshot = { snapshotId: completed.snapshotId, records: completed.records };
  return fold;
}

/**
 * Chunks, and beside them the record that must still lie where the snapshot ends in each partition;
 * unless it was deleted with those before it, and the log goes on exactly there.
 */
async function readInto(
  log: Log,
  fold: LogFold,
  completed: SnapshotCompleted,
  { ranges }: SnapshotLimits,
  signal: AbortSignal,
): Promise<string | null> {
  const chunksTopic = log.topicPrefix + SNAPSHOTS_TOPIC;
  const chunks: LogRange = {
    ...{ topic: chunksTopic, partition: CHUNKS_PARTITION },
    ...{ from: BigInt(completed.firstChunk), to: BigInt(completed.endOfChunks) },
  };
  const read = new Set<number>();
  const lastRecords = new Map(
    completed.partitions
      .filter(({ next }) => next > 0)
      .filter(
        (end) =>
          !ranges.some(
            ({ topic, partition, from }) =>
              topic === end.topic && partition === end.partition && from === BigInt(end.next),
          ),
      )
      .map(({ topic, partition, next, lastRecord }) => [
        `${log.topicPrefix}${topic}/${partition}`,
        { topic: log.topicPrefix + topic, partition, offset: BigInt(next - 1), lastRecord },
      ]),
  );
  const ends = [...lastRecords.values()].map(({ topic, partition, offset }) => ({
    ...{ topic, partition, from: offset, to: offset + 1n },
  }));
  for await (const record of readRecords(log.kafka, [chunks, ...ends], signal)) {
    if (record.topic === chunksTopic) {
      await takeChunk(log, fold, completed, read, record);
      continue;
    }
    const place = `${record.topic}/${record.partition}`;
    if (lastRecords.get(place)?.lastRecord !== identityOf(record)) {
      return `${place} holds another record at ${record.offset}`;
    }
    lastRecords.delete(place);
  }
  const [unseen] = lastRecords.keys();
  if (unseen !== undefined) return `${unseen} has no record where it ends`;
  if (read.size < completed.chunks) return `${read.size} of ${completed.chunks} chunks are there`;
  takePartitions(fold, completed);
  return null;
}

async function takeChunk(
  log: Log,
  fold: LogFold,
  { snapshotId }: SnapshotCompleted,
  read: Set<number>,
  { value }: KafkaRecord,
): Promise<void> {
  const { name, event } = await log.codec.decode(value);
  if (name !== 'SnapshotChunk') return;
  const chunk = event as SnapshotChunk;
  if (chunk.snapshotId !== snapshotId || read.has(chunk.index)) return;
  read.add(chunk.index);
  for (const coupon of chunk.coupons) countCoupon(fold, coupon);
}

function takePartitions(fold: LogFold, completed: SnapshotCompleted): void {
  for (const place of fold.partitions) {
    const known = completed.partitions.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    if (known === undefined) continue;
    const { next, highestMarker, highestEpoch, lastRecord } = known;
    Object.assign(place, { next: BigInt(next), highestMarker, highestEpoch, lastRecord });
  }
}

function whyIncomplete(fold: LogFold, { coupons, assignments }: SnapshotCompleted): string | null {
  const found = sizeOf(fold);
  if (found.coupons === coupons && found.assignments === assignments) return null;
  return `${found.coupons} coupons with ${found.assignments} assignments are there, not ${coupons} with ${assignments}`;
}
