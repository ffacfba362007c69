// The rows of `dead_letters`: selected, counted, read and discarded for operators.
import type { Knex } from 'knex';
import type { DeadLetterStatus } from '../../contracts/dead-letter.ts';
import type { Position } from '../../contracts/position.ts';

/** A row without its bytes. Times are as the server has them, in UTC. */
export type ParkedDeadLetter = {
  id: number;
  /** Where the original stands; of what never was in the log, where the dead letter stands. */
  position: Position;
  status: DeadLetterStatus;
  reasonCode: string;
  reason: string;
  attempts: number;
  failedAt: Date;
  redrives: number;
  redrivenAt: Date | null;
  discarded: { at: Date; by: string; because: string } | null;
};

/** Which rows; what is left out restricts nothing. */
export type DeadLetterFilter = {
  ids?: readonly number[];
  statuses?: readonly DeadLetterStatus[];
  reasonCode?: string;
  topic?: string;
  /** Only rows for whose value this is true. */
  hasValue?: (value: Buffer | null) => Promise<boolean>;
  limit?: number;
};

const ROWS_AT_ONCE = 200;

/** The rows that a filter lets through, oldest first. */
export async function selectDeadLetters(
  db: Knex,
  filter: DeadLetterFilter,
): Promise<ParkedDeadLetter[]> {
  const { hasValue, limit = Number.POSITIVE_INFINITY } = filter;
  const selected: ParkedDeadLetter[] = [];
  for await (const row of rowsOf(db, filter)) {
    if (hasValue !== undefined && !(await hasValue(row.record_value ?? null))) continue;
    if (selected.length === limit) break;
    selected.push(toParkedDeadLetter(row));
  }
  return selected;
}

async function* rowsOf(db: Knex, filter: DeadLetterFilter): AsyncGenerator<Row, void> {
  let after = 0;
  for (;;) {
    const rows: Row[] = await selectRows(db, filter).where('id', '>', after).limit(ROWS_AT_ONCE);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return;
    after = last.id;
  }
}

function selectRows(db: Knex, { ids, statuses, reasonCode, topic, hasValue }: DeadLetterFilter) {
  const query = db('dead_letters').select(COLUMNS).orderBy('id');
  // The bytes only where somebody looks at them: they may be large.
  if (hasValue !== undefined) query.select('record_value');
  if (ids !== undefined) query.whereIn('id', ids);
  if (statuses !== undefined) query.whereIn('status', statuses);
  if (reasonCode !== undefined) query.where('reason_code', reasonCode);
  if (topic !== undefined) query.where('topic', topic);
  return query;
}

/** How many rows have each status. */
export async function countDeadLettersByStatus(db: Knex): Promise<Map<string, number>> {
  const rows: { status: string; dead_letters: number }[] = await db('dead_letters')
    .select('status', db.raw('COUNT(*) AS dead_letters'))
    .groupBy('status')
    .orderBy('status');
  return new Map(rows.map((row) => [row.status, Number(row.dead_letters)]));
}

/** The key, own headers (JSON) and value of a row's original. */
export type DeadLetterContent = { key: Buffer | null; headers: unknown; value: Buffer | null };

/** What the original of this row held. */
export async function readDeadLetterContent(db: Knex, id: number): Promise<DeadLetterContent> {
  const row = await db('dead_letters').where({ id }).first('record_key', 'headers', 'record_value');
  // MySQL's driver gives JSON parsed, MariaDB's as text.
  const { headers } = row;
  return {
    key: row.record_key,
    headers: typeof headers === 'string' ? JSON.parse(headers) : headers,
    value: row.record_value,
  };
}

/**
 * Marks parked rows as discarded; rows that are not parked any more are left as they are.
 * @returns how many were marked
 */
export async function discardDeadLetters(
  db: Knex,
  ids: readonly number[],
  { by, because }: { by: string; because: string },
): Promise<number> {
  if (ids.length === 0) return 0;
  const [{ affectedRows }] = await db.raw(
    `UPDATE dead_letters
     SET status = 'discarded', discarded_at = UTC_TIMESTAMP(3), discarded_by = ?,
         discarded_because = ?
     WHERE id IN (?) AND status = 'parked'`,
    [by, because, ids as unknown as Knex.Value],
  );
  return affectedRows;
}

const COLUMNS = [
  'id',
  'topic',
  'partition_id',
  'record_offset',
  'status',
  'reason_code',
  'reason',
  'attempts',
  'failed_at',
  'redrives',
  'redriven_at',
  'discarded_at',
  'discarded_by',
  'discarded_because',
];

type Row = {
  id: number;
  topic: string;
  partition_id: number;
  /** Text or number: the driver keeps big numbers exact. */
  record_offset: number | string;
  record_value?: Buffer | null;
  status: DeadLetterStatus;
  reason_code: string;
  reason: string;
  attempts: number;
  failed_at: Date;
  redrives: number;
  redriven_at: Date | null;
  discarded_at: Date | null;
  discarded_by: string | null;
  discarded_because: string | null;
};

function toParkedDeadLetter(row: Row): ParkedDeadLetter {
  const { discarded_at: at, discarded_by: by, discarded_because: because } = row;
  return {
    id: row.id,
    position: { topic: row.topic, partition: row.partition_id, offset: BigInt(row.record_offset) },
    status: row.status,
    reasonCode: row.reason_code,
    reason: row.reason,
    attempts: row.attempts,
    failedAt: row.failed_at,
    redrives: row.redrives,
    redrivenAt: row.redriven_at,
    discarded: at === null ? null : { at, by: by ?? '', because: because ?? '' },
  };
}
