// Rows and the checkpoint of their partition, in one transaction: what makes every record count
// exactly once, however often and by however many projectors it is consumed.
import type { Knex } from 'knex';
import type { NonEmpty } from '../../platform/bisect-batch.ts';
import { type DecodeResult, nextOffsetOf } from '../consumed-record.ts';
import { type DispositionCounts, ZERO_COUNTS } from './disposition-counts.ts';
import { addIssued } from './insert-rows.ts';
import { LIVE_TABLES, type ReadTables } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** What a batch does beside moving its checkpoint. */
type Change = {
  counts: DispositionCounts;
  highestMarker: number | null;
  /** By coupon: how many assignments were really inserted. */
  issued: ReadonlyMap<string, number>;
};

/** `gap`: the batch begins past the checkpoint, so nothing was done. */
export type ApplyOutcome =
  | { kind: 'applied'; nextOffset: bigint; counts: DispositionCounts }
  | { kind: 'gap'; nextOffset: bigint };

/**
 * Makes the changes of records, inside the transaction, without moving the checkpoint.
 * @param highestMarker the highest marker before the first of them
 */
export type MakeChange = (
  trx: Knex.Transaction,
  records: NonEmpty<DecodeResult>,
  highestMarker: number | null,
) => Promise<Change>;

/** Long enough for a batch and for a slow dead letter topic, shorter than a rebalance. */
const TRANSACTION_LIMIT_MS = 20_000;

/**
 * Applies consecutive offsets of one partition and moves its checkpoint past them, or does neither.
 * Those below the checkpoint are dropped: they were applied before. A transaction on the live
 * tables goes through from begin to end on one set of them: none is put in their place meanwhile.
 * @throws what MySQL or `makeChange` throws; nothing was done then, except that a lost connection
 * can hide a commit: doing the same again finds out
 */
export async function applyOnce(
  db: Knex,
  records: NonEmpty<DecodeResult>,
  makeChange: MakeChange,
  tables: ReadTables = LIVE_TABLES,
): Promise<ApplyOutcome> {
  const { topic, partition, offset } = records[0].record;
  return inTransaction(db, TRANSACTION_LIMIT_MS, async (trx) => {
    // First, and holding nothing: a wait here is a wait for a swap, and ends with the new tables.
    if (tables === LIVE_TABLES) await trx('projection_generation').forShare().first('generation');
    const { nextOffset, highestMarker } = await lockCheckpoint(trx, tables, topic, partition);
    if (offset > nextOffset) return { kind: 'gap', nextOffset };
    const fresh =
      offset === nextOffset
        ? records
        : records.filter(({ record }) => nextOffsetOf(record) > nextOffset);
    const last = fresh.at(-1);
    if (last === undefined) return { kind: 'applied', nextOffset, counts: ZERO_COUNTS };
    const change = await makeChange(trx, fresh as [DecodeResult, ...DecodeResult[]], highestMarker);
    const next = nextOffsetOf(last.record);
    await moveCheckpoint(trx, tables, { topic, partition, next }, change);
    // Last: the row of a coupon that everybody wants is locked no longer than the commit takes.
    await addIssued(trx, change.issued, tables);
    return { kind: 'applied', nextOffset: next, counts: change.counts };
  });
}

/** The offset that the projection of a partition is waiting for; 0 when it never began. */
export async function readNextOffset(
  db: Knex,
  topic: string,
  partition: number,
  tables: ReadTables = LIVE_TABLES,
): Promise<bigint> {
  const row = await db(tables.checkpoints)
    .where({ topic, partition_id: partition })
    .first('next_offset');
  return row === undefined ? 0n : BigInt(row.next_offset);
}

async function lockCheckpoint(
  trx: Knex.Transaction,
  tables: ReadTables,
  topic: string,
  partition: number,
): Promise<{ nextOffset: bigint; highestMarker: number | null }> {
  const select = () =>
    trx(tables.checkpoints)
      .where({ topic, partition_id: partition })
      .forUpdate()
      .first('next_offset', 'highest_marker');
  let row = await select();
  if (row === undefined) {
    // Another projector may begin the same partition now: the second insert waits and changes nothing.
    await trx.raw(
      `INSERT INTO ??
         (topic, partition_id, next_offset, highest_marker, applied, repeated, fenced, markers,
          dead_lettered, updated_at)
       VALUES (?, ?, 0, NULL, 0, 0, 0, 0, 0, UTC_TIMESTAMP(3))
       ON DUPLICATE KEY UPDATE partition_id = VALUES(partition_id)`,
      [tables.checkpoints, topic, partition],
    );
    row = await select();
  }
  return {
    nextOffset: BigInt(row.next_offset),
    highestMarker: row.highest_marker === null ? null : Number(row.highest_marker),
  };
}

async function moveCheckpoint(
  trx: Knex.Transaction,
  tables: ReadTables,
  { topic, partition, next }: { topic: string; partition: number; next: bigint },
  { counts, highestMarker }: Change,
): Promise<void> {
  await trx.raw(
    `UPDATE ??
     SET next_offset = ?, highest_marker = ?, applied = applied + ?, repeated = repeated + ?,
         fenced = fenced + ?, markers = markers + ?, dead_lettered = dead_lettered + ?,
         updated_at = UTC_TIMESTAMP(3)
     WHERE topic = ? AND partition_id = ?`,
    [
      tables.checkpoints,
      next.toString(),
      highestMarker,
      counts.applied,
      counts.repeated,
      counts.fenced,
      counts.markers,
      counts.deadLettered,
      topic,
      partition,
    ],
  );
}
