// A walk: a list read page by page, while rows are added to it in any order. First come the rows that
// were there at its first page, in the order of the list; then those that were applied since, in the
// order in which they were applied. Why it misses nothing: docs/adr/0024-a-walk-misses-nothing.md.
import { appliedTopicsOf } from '../../contracts/applied-position.ts';
import type { EventTopic } from '../../contracts/topics.ts';
import { isWithin, partitionsAbove, type Reach, reachOf } from './reach.ts';
import { type AppliedRow, takeSince } from './take-since.ts';

/**
 * Where the next page of a walk begins. With `after`: every row below `reach` up to there was shown.
 * Without: every row below `reach` was shown, and what remains was applied since.
 */
export type WalkPlace<Key> = { reach: Reach; after: Key | null };

/** The last item shown of a list that goes by time, then id. `atMs`: milliseconds since 1970. */
export type TimeKey = { atMs: number; id: string };
/** The same of a coupon's assignments; `last`: the highest sequence there was at the first page. */
export type SequenceKey = { sequence: number; last: number };

/** A part of a statement, with the values of its question marks. */
export type SqlPart = { sql: string; values: readonly (string | number | Date)[] };

/** A list that can be walked. */
export type WalkedList<Row, Key> = {
  /** The topic whose events make the rows. */
  topic: EventTopic;
  table: 'coupons' | 'assignments';
  /** The indexes that have the list in its order, and in the order in which it was applied. */
  indexes: { inOrder: string; byApplied: string };
  /** What makes the fields of `Row`. */
  columns: Readonly<Record<keyof Row & string, string>>;
  /** Which rows of the table are in the list. */
  where: SqlPart;
  orderBy: string;
  /** Which rows of the list come after `key`. */
  isAfter(key: Key): SqlPart;
  /** The order of the list, as a comparison. */
  compare(a: Row, b: Row): number;
  isNewestFirst: boolean;
  /** The column whose highest value `keyOf` gets at the first page. */
  highest: (keyof Row & string) | null;
  /** `before`: the key before this one; null at the first page. */
  keyOf(row: Row, before: Key | null, highest: number): Key;
};

/**
 * At most `limit` rows, and where the walk goes on; null: there is nothing left. `not-yet-projected`:
 * these tables are not as far as those that the walk has seen, as on a replica or after a restore.
 */
export type WalkedPage<Row, Key> =
  | { kind: 'page'; rows: Row[]; next: WalkPlace<Key> | null }
  | { kind: 'not-yet-projected' };

/** Runs a statement in bounded time. */
export type ReadRows = <Row>(statement: SqlPart) => Promise<Row[]>;

type Options<Key> = { limit: number; after: WalkPlace<Key> | null };

/** Reads the page of a walk that begins at `after`; null: the first. */
export async function readWalkPage<Row, Key>(
  list: WalkedList<Row, Key>,
  { limit, after }: Options<Key>,
  readRows: ReadRows,
): Promise<WalkedPage<Row, Key>> {
  const { now, rows, highest } = await readInOrder(list, { limit, after }, readRows);
  const reach = after?.reach ?? now;
  if (!isWithin(reach, now)) return { kind: 'not-yet-projected' };
  const last = rows[limit - 1];
  if (rows.length > limit && last !== undefined) {
    const next = { reach, after: list.keyOf(last, after?.after ?? null, highest) };
    return { kind: 'page', rows: rows.slice(0, limit), next };
  }
  if (after === null) return { kind: 'page', rows, next: null };
  const since = await readSince(list, { reach, now, room: limit - rows.length }, readRows);
  const next = since.reach && { reach: since.reach, after: null };
  return { kind: 'page', rows: [...rows, ...since.rows], next };
}

/** A row of the statement below: one of the list, or a text in `checkpoint`. */
type ReadRow<Row> = Row & { checkpoint: string | null };

// One statement, so that all of it is of one moment: what has a position below the checkpoints is
// exactly what is there.
async function readInOrder<Row, Key>(
  list: WalkedList<Row, Key>,
  { limit, after }: Options<Key>,
  readRows: ReadRows,
): Promise<{ now: Reach; rows: Row[]; highest: number }> {
  const read = await readRows<ReadRow<Row>>(selectInOrder(list, { limit, after }));
  const rows = read.filter(({ checkpoint }) => checkpoint === null);
  const texts = read.flatMap(({ checkpoint }) => checkpoint ?? []);
  const isHighest = (text: string): boolean => text.startsWith(HIGHEST);
  return {
    now: reachOf(
      texts
        .filter((text) => !isHighest(text))
        .map((text) => {
          const [topic = '', partition, nextOffset] = text.split('/');
          return { topic, partition: Number(partition), nextOffset: Number(nextOffset) };
        }),
    ),
    // A union says nothing of the order in which its rows come.
    rows: rows.sort(list.compare),
    highest: Number(texts.find(isHighest)?.slice(HIGHEST.length) ?? 0),
  };
}

const HIGHEST = 'highest/';

function selectInOrder<Row, Key>(
  list: WalkedList<Row, Key>,
  { limit, after }: Options<Key>,
): SqlPart {
  const topics = appliedTopicsOf(list.topic);
  const noRow = Object.keys(list.columns).map((name) => `NULL AS ${name}`);
  const parts: SqlPart[] = [
    {
      sql: `(SELECT CONCAT(topic, '/', partition_id, '/', next_offset) AS checkpoint, ${noRow}
        FROM projection_checkpoints WHERE topic IN (?, ?))`,
      values: topics,
    },
  ];
  if (after === null && list.highest !== null) {
    const { sql, values } = rowsOf(list, list.indexes.inOrder);
    const highest = `CONCAT('${HIGHEST}', COALESCE(MAX(${list.highest}), 0))`;
    parts.push({ sql: `(SELECT ${highest}, ${noRow} ${sql})`, values });
  }
  if (after === null || after.after !== null) {
    const from = rowsOf(list, list.indexes.inOrder);
    const conditions = after?.after ? [list.isAfter(after.after), isWithinReach(after.reach)] : [];
    parts.push({
      sql: `(SELECT NULL, ${columnsOf(list.columns)} ${from.sql}
        ${conditions.map(({ sql }) => `AND ${sql}`).join(' ')}
        ORDER BY ${list.orderBy} LIMIT ${limit + 1})`,
      values: [from, ...conditions].flatMap(({ values }) => values),
    });
  }
  return unionOf(parts);
}

// Inside a union, MariaDB does not take the limit into account: it may scan and sort a whole table.
function rowsOf<Row, Key>({ table, where }: WalkedList<Row, Key>, index: string): SqlPart {
  return { sql: `FROM ${table} FORCE INDEX (${index}) WHERE ${where.sql}`, values: where.values };
}

/** Columns as a SELECT names them: what makes each, and its name. */
export function columnsOf(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .map(([name, expression]) => `${expression} AS ${name}`)
    .join(', ');
}

function unionOf(parts: readonly SqlPart[]): SqlPart {
  return {
    sql: parts.map(({ sql }) => sql).join(' UNION ALL '),
    values: parts.flatMap(({ values }) => values),
  };
}

// What was not there when the walk began waits for its end: were it shown on the way, the walk would
// have to remember how far it was at each row.
function isWithinReach(reach: Reach): SqlPart {
  const cases = [...reach].map(() => 'WHEN ? THEN ?').join(' ');
  const below = cases === '' ? '0' : `CASE applied_partition ${cases} ELSE 0 END`;
  return { sql: `applied_offset < ${below}`, values: [...reach].flat() };
}

/**
 * The next `room` rows that were applied since, and the reach of the walk then; null: none are left.
 * Each partition is asked for its share of what is wanted. Where that was too little, those that gave
 * their share are asked again, so a page takes about as many rows as it shows, whoever has them.
 */
async function readSince<Row, Key>(
  list: WalkedList<Row, Key>,
  { reach, now, room }: { reach: Reach; now: Reach; room: number },
  readRows: ReadRows,
): Promise<{ rows: Row[]; reach: Reach | null }> {
  const compare = list.isNewestFirst ? (a: Row, b: Row) => list.compare(b, a) : list.compare;
  const rows: Row[] = [];
  let known = reach;
  for (;;) {
    const partitions = partitionsAbove(known, now);
    if (partitions.length === 0) return { rows, reach: null };
    const missing = room - rows.length;
    // One more than fits, to know whether there is one. Of few sizes: each is another prepared statement.
    const share = 2 ** Math.ceil(Math.log2(Math.ceil((missing + 1) / partitions.length)));
    const read = await readRows<Row & AppliedRow>(selectSince(list, { known, partitions, share }));
    const since = { partitions, share, rows: read };
    const step = takeSince(since, { reach: known, now, room: missing, compare });
    rows.push(...step.taken);
    if (step.isLeft) return { rows, reach: step.reach };
    known = step.reach;
  }
}

/** The first `share` rows of each of these partitions that are not known, in their order. */
function selectSince<Row, Key>(
  list: WalkedList<Row, Key>,
  parts: { known: Reach; partitions: readonly number[]; share: number },
): SqlPart {
  const from = rowsOf(list, list.indexes.byApplied);
  const sql = `(SELECT ${columnsOf(list.columns)}, applied_partition, applied_offset ${from.sql}
    AND applied_partition = ? AND applied_offset >= ? ORDER BY applied_offset LIMIT ${parts.share})`;
  return unionOf(
    parts.partitions.map((partition) => ({
      sql,
      values: [...from.values, partition, parts.known.get(partition) ?? 0],
    })),
  );
}
