// A walk: a list read page by page, while rows are added to it in any order. First come the rows that
// were there at its first page, in the order of the list; then those that were applied since, in the
// order in which they were applied. Why it misses nothing: docs/adr/0024-a-walk-misses-nothing.md.
import type { Knex } from 'knex';
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

/** A list that can be walked. */
export type WalkedList<Row extends AppliedRow, Key> = {
  /** The topic whose events make the rows. */
  topic: EventTopic;
  /** The rows of the list through an index, in no order, without any column. */
  rows(index: string): Knex.QueryBuilder;
  /** The indexes that have the list in its order, and in the order in which it was applied. */
  indexes: { inOrder: string; byApplied: string };
  /** The columns of `Row`: a column, or what makes it. */
  columns: Readonly<Record<string, string | Knex.Raw>>;
  /** Puts `rows` into the order of the list, from the one after `after` on. */
  inOrder(rows: Knex.QueryBuilder, after: Key | null): void;
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

/** Runs a query in bounded time. */
export type ReadRows = <Row>(query: Knex.QueryBuilder) => Promise<Row[]>;

type Options<Key> = { limit: number; after: WalkPlace<Key> | null };

/** Reads the page of a walk that begins at `after`; null: the first. */
export async function readWalkPage<Row extends AppliedRow, Key>(
  db: Knex,
  list: WalkedList<Row, Key>,
  { limit, after }: Options<Key>,
  readRows: ReadRows,
): Promise<WalkedPage<Row, Key>> {
  const { now, rows, highest } = await readInOrder(db, list, { limit, after }, readRows);
  const reach = after?.reach ?? now;
  if (!isWithin(reach, now)) return { kind: 'not-yet-projected' };
  const last = rows[limit - 1];
  if (rows.length > limit && last !== undefined) {
    const next = { reach, after: list.keyOf(last, after?.after ?? null, highest) };
    return { kind: 'page', rows: rows.slice(0, limit), next };
  }
  if (after === null) return { kind: 'page', rows, next: null };
  const since = await readSince(db, list, { reach, now, room: limit - rows.length }, readRows);
  const next = since.reach && { reach: since.reach, after: null };
  return { kind: 'page', rows: [...rows, ...since.rows], next };
}

/** A row of the statement below: a checkpoint, the highest value (its topic is ''), or one of the list. */
type ReadRow<Row> = Row & {
  checkpoint_topic: string | null;
  checkpoint_partition: number;
  checkpoint_offset: number | string;
};

// One statement, so that all of it is of one moment: what has a position below the checkpoints is
// exactly what is there.
async function readInOrder<Row extends AppliedRow, Key>(
  db: Knex,
  list: WalkedList<Row, Key>,
  { limit, after }: Options<Key>,
  readRows: ReadRows,
): Promise<{ now: Reach; rows: Row[]; highest: number }> {
  const noRow = Object.keys(list.columns).map((name) => db.raw('NULL AS ??', [name]));
  const noCheckpoint = db.raw('NULL, NULL, NULL');
  const queries = [
    db('projection_checkpoints')
      .select(db.raw('topic AS checkpoint_topic, partition_id AS checkpoint_partition'))
      .select(db.raw('next_offset AS checkpoint_offset'), ...noRow)
      .whereIn('topic', appliedTopicsOf(list.topic)),
  ];
  if (after === null && list.highest !== null) {
    const highest = db.raw("'', 0, MAX(??)", [list.highest]);
    queries.push(list.rows(list.indexes.inOrder).select(highest, ...noRow));
  }
  if (after === null || after.after !== null) {
    const rows = list.rows(list.indexes.inOrder).select(noCheckpoint).select(list.columns);
    if (after !== null) rows.modify(onlyWithin, after.reach);
    list.inOrder(rows, after?.after ?? null);
    queries.push(rows.limit(limit + 1));
  }
  const read = await readRows<ReadRow<Row>>(db.unionAll(queries, true));
  const isOfList = (row: ReadRow<Row>): boolean => row.checkpoint_topic === null;
  return {
    now: reachOf(
      read.flatMap(({ checkpoint_topic, checkpoint_partition, checkpoint_offset }) =>
        checkpoint_topic === null || checkpoint_topic === ''
          ? []
          : [
              {
                topic: checkpoint_topic,
                partition: checkpoint_partition,
                nextOffset: Number(checkpoint_offset),
              },
            ],
      ),
    ),
    // A union says nothing of the order in which its rows come.
    rows: read.filter(isOfList).sort(list.compare),
    highest: Number(read.find((row) => row.checkpoint_topic === '')?.checkpoint_offset ?? 0),
  };
}

// What was not there when the walk began waits for its end: were it shown on the way, the walk would
// have to remember how far it was at each row.
function onlyWithin(rows: Knex.QueryBuilder, reach: Reach): void {
  const cases = [...reach].map(() => 'WHEN ? THEN ?').join(' ');
  if (cases === '') rows.where('applied_offset', '<', 0);
  else {
    const sql = `applied_offset < CASE applied_partition ${cases} ELSE 0 END`;
    rows.whereRaw(sql, [...reach].flat());
  }
}

/**
 * The next `room` rows that were applied since, and the reach of the walk then; null: none are left.
 * Each partition is asked for its share of what is wanted. Where that was too little, those that gave
 * their share are asked again, so a page takes about as many rows as it shows, whoever has them.
 */
async function readSince<Row extends AppliedRow, Key>(
  db: Knex,
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
    // One more than fits, to know whether there is one.
    const share = Math.ceil((missing + 1) / partitions.length);
    const read = await readRows<Row>(selectSince(db, list, { known, partitions, share }));
    const since = { partitions, share, rows: read };
    const step = takeSince(since, { reach: known, now, room: missing, compare });
    rows.push(...step.taken);
    if (step.isLeft) return { rows, reach: step.reach };
    known = step.reach;
  }
}

/** The first `share` rows of each of these partitions that are not known, in their order. */
function selectSince<Row extends AppliedRow, Key>(
  db: Knex,
  list: WalkedList<Row, Key>,
  parts: { known: Reach; partitions: readonly number[]; share: number },
): Knex.QueryBuilder {
  const queries = parts.partitions.map((partition) =>
    list
      .rows(list.indexes.byApplied)
      .select(list.columns)
      .where('applied_partition', partition)
      .where('applied_offset', '>=', parts.known.get(partition) ?? 0)
      .orderBy('applied_offset')
      .limit(parts.share),
  );
  return db.unionAll(queries, true);
}
