// The end of a walk: from rows that were applied since, those of the next page. Pure.
import type { Reach } from './reach.ts';

/** What every row of a walk says of itself. Big numbers may come as text: the driver keeps them exact. */
export type AppliedRow = { applied_partition: number; applied_offset: number | string };

/**
 * Takes the next `room` rows. Within a partition they go by offset, which is the order in which they
 * were applied; between partitions the lower one by `compare` comes first.
 * @param since the first `room` + 1 rows above `reach` of each partition, or as many as there are; read
 * after `now`
 * @returns next: the reach below which every row was taken now or before; null when none is left
 */
export function takeSince<Row extends AppliedRow>(
  since: readonly Row[],
  options: { reach: Reach; now: Reach; room: number; compare: (a: Row, b: Row) => number },
): { taken: Row[]; next: Reach | null } {
  const { reach, now, room, compare } = options;
  const queues = queuesOf(since);
  const taken: Row[] = [];
  const next = new Map(reach);
  while (taken.length < room) {
    const [first] = [...queues.values()].flatMap((queue) => queue.slice(0, 1)).sort(compare);
    if (first === undefined) break;
    taken.push(first);
    queues.get(first.applied_partition)?.shift();
    next.set(first.applied_partition, Number(first.applied_offset) + 1);
  }
  if ([...queues.values()].every((queue) => queue.length === 0)) return { taken, next: null };
  // Of a partition whose rows were all taken, everything up to `now` is known.
  for (const [partition, offset] of now) {
    const isTaken = (queues.get(partition) ?? []).length === 0;
    if (isTaken && offset > (next.get(partition) ?? 0)) next.set(partition, offset);
  }
  return { taken, next };
}

function queuesOf<Row extends AppliedRow>(rows: readonly Row[]): Map<number, Row[]> {
  const queues = new Map<number, Row[]>();
  const byOffset = rows.toSorted((a, b) => Number(a.applied_offset) - Number(b.applied_offset));
  for (const row of byOffset) {
    const queue = queues.get(row.applied_partition);
    if (queue === undefined) queues.set(row.applied_partition, [row]);
    else queue.push(row);
  }
  return queues;
}
