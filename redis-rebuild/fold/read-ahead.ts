// The log as it is before a rebuild claims anything. What it can't read ends the attempt here, with
// every gate as it was; what it read stands for a snapshot, so that less is left to be read while Redis is closed.
import type { Discards } from '../../contracts/discard.ts';
import { type EventPartition, type Log, listEventRanges, readNewestClaim } from '../log.ts';
import { loadSnapshot } from '../snapshot/load-snapshot.ts';
import { emptyFold, type LogFold } from './fold.ts';
import { foldRecords } from './fold-records.ts';

/** What was read, and of the time for it how long folding took: milliseconds. */
export type ReadAhead = { fold: LogFold; foldMs: number };

/**
 * Folds every partition up to its end of now, from the newest snapshot on.
 * @throws AppError RECORD_UNREADABLE (not retriable), which names the record; TOPIC_MISMATCH,
 * KAFKA_UNAVAILABLE as `loadSnapshot`; the signal's reason
 */
export async function readAhead(
  log: Log,
  discards: Discards,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<ReadAhead> {
  // Asked first: no record up to the ends can then be of a newer epoch.
  const newest = await readNewestClaim(log);
  const ranges = await listEventRanges(log);
  const epoch = newest === null ? 0 : newest + 1;
  const fold = await loadSnapshot(log, { ranges, epoch }, signal, report);
  const options = { ranges, discards, atUnreadable: 'throw', signal, report } as const;
  const foldMs = await foldRecords(log, fold, options);
  report(`read ahead: ${fold.records - (fold.snapshot?.records ?? 0)} records`);
  return { fold, foldMs };
}

/** Gives a fold the partitions that it does not know yet, with nothing read of them. */
export function addUnknownPartitions(fold: LogFold, listed: readonly EventPartition[]): void {
  const unknown = listed.filter(
    ({ topic, partition }) =>
      !fold.partitions.some((known) => known.topic === topic && known.partition === partition),
  );
  fold.partitions.push(...emptyFold(unknown).partitions);
}
