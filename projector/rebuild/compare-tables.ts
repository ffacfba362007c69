// Two sets of read tables, row for row. The server makes checksums of the rows, in buckets by the
// beginning of the id; only buckets that differ are read row by row.
import type { Knex } from 'knex';
import { topicPartitionOf } from '../../contracts/position.ts';
import { EVENT_TOPICS } from '../../contracts/topics.ts';
import { LIVE_TABLES, type ReadTables } from '../projection/tables.ts';

/** What a comparison found in one table. */
export type TableComparison = {
  /** The live table's name. */
  table: string;
  equal: number;
  different: number;
  onlyLive: number;
  onlyNext: number;
  /** A few of the rows that are not equal: id, and what is wrong with it. */
  examples: string[];
};

type Row = Record<string, string | number | Date | null>;
type Bucket = { rows: number; sum: string };

const COMPARED: Readonly<Record<'coupons' | 'counters' | 'assignments', readonly string[]>> = {
  // The first is the id.
  coupons: [
    'id',
    'title',
    'quantity',
    'per_user_limit',
    'start_date',
    'end_date',
    'created_at',
    'epoch',
  ],
  counters: ['coupon_id', 'issued'],
  assignments: ['id', 'coupon_id', 'user_id', 'nth_of_user', 'sequence', 'assigned_at', 'epoch'],
};
const EXAMPLES = 5;
/** Past every character that an id may hold. */
const LAST = '\u007f';

/**
 * Compares the live tables, as `live` sees them, with `next`, as `now` does. Checkpoints are compared
 * by how far they are and their markers; their counts of dispositions are not compared.
 */
export async function compareTables(
  live: Knex,
  now: Knex,
  next: ReadTables,
): Promise<TableComparison[]> {
  const comparisons: TableComparison[] = [];
  for (const name of ['coupons', 'counters', 'assignments'] as const) {
    const sides = {
      live: { db: live, table: LIVE_TABLES[name] },
      next: { db: now, table: next[name] },
    };
    comparisons.push(await compareTable(sides, COMPARED[name]));
  }
  const checkpoints = newComparison(LIVE_TABLES.checkpoints);
  compareRows(
    checkpoints,
    await checkpointsOf({ db: live, table: LIVE_TABLES.checkpoints }),
    await checkpointsOf({ db: now, table: next.checkpoints }),
  );
  return [...comparisons, checkpoints];
}

type Side = { db: Knex; table: string };

async function compareTable(
  sides: { live: Side; next: Side },
  columns: readonly string[],
): Promise<TableComparison> {
  const comparison = newComparison(sides.live.table);
  const [live, next] = await Promise.all([
    bucketsOf(sides.live, columns),
    bucketsOf(sides.next, columns),
  ]);
  for (const name of new Set([...live.keys(), ...next.keys()])) {
    const [a, b] = [live.get(name), next.get(name)];
    if (a !== undefined && a.rows === b?.rows && a.sum === b.sum) {
      comparison.equal += a.rows;
      continue;
    }
    const [liveRows, nextRows] = await Promise.all([
      rowsOf(sides.live, columns, name),
      rowsOf(sides.next, columns, name),
    ]);
    compareRows(comparison, liveRows, nextRows);
  }
  return comparison;
}

function newComparison(table: string): TableComparison {
  return { table, equal: 0, different: 0, onlyLive: 0, onlyNext: 0, examples: [] };
}

async function checkpointsOf({ db, table }: Side): Promise<Map<string, Row>> {
  const rows: {
    topic: string;
    partition_id: number;
    next_offset: number;
    highest_marker: number;
  }[] = await db(table)
    .whereIn('topic', EVENT_TOPICS)
    .select('topic', 'partition_id', 'next_offset', 'highest_marker');
  return new Map(
    rows.map(({ topic, partition_id, next_offset, highest_marker }) => [
      topicPartitionOf(topic, partition_id),
      { next_offset, highest_marker },
    ]),
  );
}

async function bucketsOf(
  { db, table }: Side,
  columns: readonly string[],
): Promise<Map<string, Bucket>> {
  const [rows] = await db.raw(
    `SELECT LEFT(??, 2) AS bucket, COUNT(*) AS bucket_rows,
       CAST(BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT_WS('|', ${columns.map(() => '??').join(', ')}), 256), 16),
         16, 10) AS UNSIGNED)) AS CHAR) AS bucket_sum
     FROM ?? GROUP BY bucket`,
    [columns[0] ?? '', ...columns, table],
  );
  return new Map(
    rows.map((row: { bucket: string; bucket_rows: number; bucket_sum: string }) => [
      row.bucket,
      { rows: Number(row.bucket_rows), sum: row.bucket_sum },
    ]),
  );
}

async function rowsOf(
  { db, table }: Side,
  columns: readonly string[],
  bucket: string,
): Promise<Map<string, Row>> {
  const [id = ''] = columns;
  const rows: Row[] = await db(table)
    .select(...columns)
    .where(id, '>=', bucket)
    .where(id, '<=', bucket + LAST)
    .whereRaw('LEFT(??, 2) = ?', [id, bucket]);
  return new Map(rows.map((row) => [String(row[id]), row]));
}

function compareRows(
  comparison: TableComparison,
  live: ReadonlyMap<string, Row>,
  next: ReadonlyMap<string, Row>,
): void {
  const example = (text: string): void => {
    if (comparison.examples.length < EXAMPLES) comparison.examples.push(text);
  };
  for (const [key, row] of live) {
    const other = next.get(key);
    if (other === undefined) {
      comparison.onlyLive += 1;
      example(`${key} is only in the live table`);
      continue;
    }
    // Not the values: they are people's.
    const columns = Object.keys(row).filter((name) => textOf(row[name]) !== textOf(other[name]));
    if (columns.length === 0) comparison.equal += 1;
    else {
      comparison.different += 1;
      example(`${key} differs in ${columns.join(', ')}`);
    }
  }
  for (const key of next.keys()) {
    if (live.has(key)) continue;
    comparison.onlyNext += 1;
    example(`${key} is missing in the live table`);
  }
}

function textOf(value: Row[string] | undefined): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
