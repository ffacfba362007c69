// Folds the log up to this rebuild's own marker in each partition and not one record further (docs/guarantees.md P16).
import type { LogEvent } from '../../domain/coupon-events.ts';
import type { Marker } from '../claim-epoch.ts';
import { lostAttempt } from '../lock.ts';
import type { Log } from '../log.ts';
import type { LogFold, PartitionFold } from './fold.ts';
import { foldRecords } from './fold-records.ts';

/**
 * Reads on from where `fold` is, in every partition up to its marker, whose epoch is `epoch`. When
 * brokers or registry are away it goes on from where it was, until `signal` aborts.
 * @returns how long decoding and folding took, of the time for reading: milliseconds
 * @throws AppError EPOCH_CLOSED when the log holds this epoch, or a higher one, from another rebuild;
 * the signal's reason
 */
export async function foldToMarkers(
  log: Log,
  epoch: number,
  markers: readonly Marker[],
  fold: LogFold,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<number> {
  const own = new Set(markers.map(({ eventId }) => eventId));
  const check = ({ topic, partition }: PartitionFold, event: LogEvent): void => {
    if (event.epoch < epoch || own.has(event.eventId)) return;
    throw lostAttempt(
      `${topic}/${partition} holds epoch ${event.epoch} of another rebuild; this one has claimed ${epoch}`,
    );
  };
  const ranges = markers.map((marker) => ({
    ...marker,
    from: 0n,
    to: marker.offset + 1n,
  }));
  const foldMs = await foldRecords(log, fold, {
    ...{ ranges, check, signal, report },
    atUnreadable: 'go on',
  });
  for (const { topic, partition, highestMarker } of fold.partitions) {
    if (highestMarker !== epoch) {
      throw lostAttempt(`this rebuild's own marker in ${topic}/${partition} is gone`);
    }
  }
  return foldMs;
}
