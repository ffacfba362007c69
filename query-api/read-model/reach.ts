// How far the log was applied at some moment, as walks remember it. Pure.
import { appliedPartitionOf } from '../../contracts/applied-position.ts';

/**
 * By partition of `AppliedPosition`: every record with an offset below this was dealt with, so every
 * row that it made is there. A partition without an entry is at 0.
 */
export type Reach = ReadonlyMap<number, number>;

/** The reach that these checkpoints of a topic and its dead letter topic say. */
export function reachOf(
  checkpoints: readonly { topic: string; partition: number; nextOffset: number }[],
): Reach {
  return new Map(
    checkpoints.map(({ topic, partition, nextOffset }) => [
      appliedPartitionOf(topic, partition),
      nextOffset,
    ]),
  );
}

/** Is `now` at least as far as `reach`, in every partition? */
export function isWithin(reach: Reach, now: Reach): boolean {
  return [...reach].every(([partition, offset]) => offset <= (now.get(partition) ?? 0));
}

/** The partitions that are further `now` than `reach`. */
export function partitionsAbove(reach: Reach, now: Reach): number[] {
  return [...now.keys()].filter(
    (partition) => (now.get(partition) ?? 0) > (reach.get(partition) ?? 0),
  );
}
