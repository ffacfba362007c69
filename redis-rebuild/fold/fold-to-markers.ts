// Folds the log up to this rebuild's own marker in each partition and not one record further (docs/guarantees.md P16).
import type { Discards } from '../../contracts/discard.ts';
import type { LogEvent } from '../../domain/coupon-events.ts';
import type { Marker } from '../claim-epoch.ts';
import { lostAttempt } from '../lock.ts';
import type { EventPartition, Log } from '../log.ts';
import type { LogFold, PartitionFold } from './fold.ts';
import { foldRecords } from './fold-records.ts';

/** What a fold is read to, and the epoch that was claimed for it. */
export type FoldTarget = { epoch: number; markers: readonly Marker[]; discards: Discards };

/**
 * Reads on from where `fold` is, in every partition up to its marker, whose epoch is `epoch`. When
 * brokers or registry are away it goes on from where it was, until `signal` aborts.
 * @returns how long decoding and folding took, of the time for reading: milliseconds
 * @throws AppError EPOCH_CLOSED when the log holds this epoch, or a higher one, from another rebuild;
 * RECORD_UNREADABLE; the signal's reason
 */
export async function foldToMarkers(
  log: Log,
  { epoch, markers, discards }: FoldTarget,
  fold: LogFold,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<number> {
  const own = new Set(markers.map(({ eventId }) => eventId));
  const demandOlder = ({ topic, partition }: EventPartition, found: number | null): void => {
    if (found === null || found < epoch) return;
    throw lostAttempt(
      `${topic}/${partition} holds epoch ${found} of another rebuild; this one has claimed ${epoch}`,
    );
  };
  for (const read of fold.partitions) demandOlder(read, read.highestEpoch);
  const check = (partition: PartitionFold, event: LogEvent): void => {
    if (!own.has(event.eventId)) demandOlder(partition, event.epoch);
  };
  const ranges = markers.map((marker) => ({
    ...marker,
    from: 0n,
    to: marker.offset + 1n,
  }));
  const foldMs = await foldRecords(log, fold, {
    ...{ ranges, check, discards, signal, report },
    atUnreadable: 'throw',
  });
  for (const { topic, partition, highestMarker } of fold.partitions) {
    if (highestMarker !== epoch) {
      throw lostAttempt(`this rebuild's own marker in ${topic}/${partition} is gone`);
    }
  }
  return foldMs;
}
