// The end of a walk: from rows that were applied since, those of the next page. Pure.
import type { Reach } from './reach.ts';

/** What every row of a walk says of itself. Big numbers may come as text: the driver keeps them exact. */
export type AppliedRow = { applied_partition: number; applied_offset: number | string };

/** Rows of some partitions: the first `share` of each above the reach, or all that there are. */
export type Since<Row> = { partitions: readonly number[]; share: number; rows: readonly Row[] };

/**
 * Takes the next `room` rows. Within a partition they go by offset, which is the order in which they
 * were applied; between partitions the lower one by `compare` comes first.
 * @param options `now`: checkpoints that were read before the rows
 * @returns reach: below it every row was taken now or before; isLeft: rows are left that were not taken
 */
export function takeSince<Row>(
  since: Since<Row & AppliedRow>,
  options: { reach: Reach; now: Reach; room: number; compare: (a: Row, b: Row) => number },
): { taken: (Row & AppliedRow)[]; reach: Reach; isLeft: boolean } {
  const queues = since.partitions.map((partition) => queueOf(since.rows, partition));
  const reach = new Map(options.reach);
  const taken: (Row & AppliedRow)[] = [];
  while (taken.length < options.room) {
    const heads = queues.filter(({ rows }) => rows.length > 0);
    const [first] = heads.sort((a, b) => options.compare(a.rows[0] as Row, b.rows[0] as Row));
    const row = first?.rows.shift();
    if (row === undefined) break;
    taken.push(row);
    reach.set(row.applied_partition, Number(row.applied_offset) + 1);
  }
  for (const { partition, rows, count } of queues) {
    // All there were, and all taken: everything up to the checkpoint is known.
    if (rows.length > 0 || count === since.share) continue;
    const known = Math.max(reach.get(partition) ?? 0, options.now.get(partition) ?? 0);
    reach.set(partition, known);
  }
  return { taken, reach, isLeft: queues.some(({ rows }) => rows.length > 0) };
}

function queueOf<Row extends AppliedRow>(
  all: readonly Row[],
  partition: number,
): { partition: number; rows: Row[]; count: number } {
  const rows = all
    .filter((row) => row.applied_partition === partition)
    .sort((a, b) => Number(a.applied_offset) - Number(b.applied_offset));
  return { partition, rows, count: rows.length };
}
