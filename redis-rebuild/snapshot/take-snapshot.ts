// A snapshot of the event topics as they are now: the newest one, and what the log has got since. It
// comes from the log alone (docs/guarantees.md P18), and touches nothing that serves.

import type { SnapshotCompleted } from '../../contracts/snapshot.ts';
import { AppError } from '../../platform/errors.ts';
import { readDiscards } from '../discards.ts';
import { foldRecords } from '../fold/fold-records.ts';
import { type Log, listEventRanges } from '../log.ts';
import { loadSnapshot } from './load-snapshot.ts';
import { listSnapshots, type SnapshotLimits, whyUnfit } from './snapshot-list.ts';
import { deleteOldSnapshots, writeSnapshot } from './write-snapshot.ts';

export type SnapshotOptions = Log & {
  /** With fewer new records than this since the newest snapshot, none is made. */
  minRecords: number;
  report: (line: string) => void;
  signal: AbortSignal;
};

export type SnapshotResult =
  | {
      kind: 'taken';
      completed: SnapshotCompleted;
      /** Records that were read for it: those behind the snapshot that it began with. */
      recordsRead: number;
      /** Where it ends early, before a record that nobody can read: topic/partition and offset. */
      stoppedAt: string[];
    }
  | { kind: 'not-needed'; newRecords: number };

/**
 * Folds every partition up to its end of now and writes what it comes to; deletes all snapshots but
 * the newest two. Any prefix of a partition will do, so it ends before a record that nobody can read
 * and nobody discarded: another version, or a registry that has its schemas back, may read it one day.
 * @throws AppError KAFKA_UNAVAILABLE (retriable), TOPIC_MISMATCH when the log has lost its first
 * records and no snapshot stands for them; the signal's reason
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<SnapshotResult> {
  const { minRecords, report, signal } = options;
  const log: Log = options;
  const ranges = await listEventRanges(log);
  const limits: SnapshotLimits = { ranges, epoch: Number.POSITIVE_INFINITY };
  const [newest] = await listSnapshots(log, signal);
  if (newest !== undefined && whyUnfit(newest.completed, limits) === null) {
    const total = ranges.reduce((sum, { to }) => sum + Number(to), 0);
    const newRecords = total - newest.completed.records;
    if (newRecords < minRecords) return { kind: 'not-needed', newRecords };
  }

  const fold = await loadSnapshot(log, limits, signal, report);
  const discards = await readDiscards(log, signal);
  const atUnreadable = 'stop there';
  await foldRecords(log, fold, { ranges, discards, atUnreadable, signal, report });
  const recordsRead = fold.records - (fold.snapshot?.records ?? 0);
  if (recordsRead < minRecords) return { kind: 'not-needed', newRecords: recordsRead };
  report(`read ${recordsRead} records`);
  const stoppedAt = fold.partitions
    .filter((place) =>
      ranges.some(
        ({ topic, partition, to }) =>
          topic === place.topic && partition === place.partition && place.next < to,
      ),
    )
    .map(({ topic, partition, next }) => `${topic}/${partition} at ${next}`);

  const completed = await writeSnapshot(log, fold, signal);
  await deleteOldSnapshots(log, await listSnapshots(log, signal)).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    report(`older snapshots are still there: ${error.message}`);
  });
  return { kind: 'taken', completed, recordsRead, stoppedAt };
}
