// A dead letter, tried once more as if it still stood in its place in the log. What still can't be
// applied is parked in the table `dead_letters`, where operators find it, and stays there, marked,
// when it could be applied later.
import type { Knex } from 'knex';
import {
  type DeadLetterOrigin,
  type DeadLetterStatus,
  type Headers,
  type Poison,
  readOrigin,
  shorten,
} from '../../contracts/dead-letter.ts';
import type { Position } from '../../contracts/position.ts';
import type { Logger } from '../../platform/logger.ts';
import type { ConsumedRecord, ReadResult } from '../consumed-record.ts';
import { codeOf } from '../failures.ts';
import {
  addCounts,
  type DispositionCounts,
  ZERO_COUNTS,
} from '../projection/disposition-counts.ts';
import { insertRows, toDateTime } from '../projection/insert-rows.ts';
import { project } from '../projection/project.ts';
import type { MakeChange } from '../projection/store.ts';

/** What a row of `dead_letters` holds; the position is that of the original record. */
type ParkedRow = {
  position: Position;
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
  poison: Poison;
  failedAtMs: number;
};

const MAX_KEY_BYTES = 512;
const MAX_CODE_CHARACTERS = 64;
const TOO_LARGE_TO_KEEP =
  'value and headers stand in the dead letter topic only, they are more than max_allowed_packet';
const NO_ORIGIN: Poison = {
  code: 'RECORD_UNREADABLE',
  reason: 'it stands in a dead letter topic without the headers of a dead letter',
  attempts: 1,
};

/**
 * Tries batches of a dead letter topic again, with a checkpoint of their own: applied once, or
 * parked once, however often the dead letter was written. `now`: milliseconds since 1970.
 */
export function createRetryDeadLetter(now: () => number, logger: Logger): MakeChange {
  return async (trx, records, highestMarker) => {
    let counts = ZERO_COUNTS;
    const issued = new Map<string, number>();
    for (const decoded of records) {
      if (decoded.kind === 'vacant') continue;
      const one = await retry(trx, decoded, now(), logger);
      counts = addCounts(counts, one.counts);
      for (const [couponId, units] of one.issued) {
        issued.set(couponId, (issued.get(couponId) ?? 0) + units);
      }
    }
    return { counts, highestMarker, issued };
  };
}

type RetryResult = { counts: DispositionCounts; issued: ReadonlyMap<string, number> };

async function retry(
  trx: Knex.Transaction,
  decoded: ReadResult,
  nowMs: number,
  logger: Logger,
): Promise<RetryResult> {
  const { record } = decoded;
  const origin = readOrigin(record);
  // What the log refused was never in it: it must not be in the tables, either.
  if (origin === null || origin.offset === null) {
    const failure = origin ?? { poison: NO_ORIGIN, failedAtMs: nowMs };
    const row = { ...record, ...failure, position: record };
    return nothingIssued(await park(trx, row, await lockParked(trx, record), logger));
  }
  const { topic, partition, offset } = origin;
  return retryFrom(trx, decoded, { ...origin, position: { topic, partition, offset } }, logger);
}

async function retryFrom(
  trx: Knex.Transaction,
  decoded: ReadResult,
  origin: DeadLetterOrigin & { position: Position },
  logger: Logger,
): Promise<RetryResult> {
  const existing = await lockParked(trx, origin.position);
  if (existing?.status === 'discarded') return nothingIssued({ repeated: 1 });
  const projection = project(origin.topic, [decoded], origin.highestMarker);
  const [deadLetter] = projection.deadLetters;
  if (deadLetter !== undefined) {
    const attempts = origin.poison.attempts + deadLetter.poison.attempts;
    // There are no bytes here that could be tried: why they failed is known from their first try.
    const { code, reason } = origin.isWithoutBytes ? withoutBytes(origin) : deadLetter.poison;
    const row = toParkedRow(decoded.record, origin, { code, reason, attempts });
    return nothingIssued(await park(trx, row, existing, logger));
  }
  const { applied, repeated, issued } = await insertRows(trx, projection);
  const { fenced, markers } = projection;
  if (existing !== undefined) await mark(trx, existing, fenced > 0 ? 'fenced' : 'applied', logger);
  return { counts: { ...ZERO_COUNTS, applied, repeated, fenced, markers }, issued };
}

function withoutBytes({ poison: { code, reason } }: DeadLetterOrigin): Omit<Poison, 'attempts'> {
  return { code, reason: `too large for a dead letter, its bytes are only in the log: ${reason}` };
}

function toParkedRow(
  { key, value }: ConsumedRecord,
  { position, headers, failedAtMs }: DeadLetterOrigin & { position: Position },
  poison: Poison,
): ParkedRow {
  return { position, key, value, headers, failedAtMs, poison };
}

function nothingIssued(counts: Partial<DispositionCounts>): RetryResult {
  return { counts: { ...ZERO_COUNTS, ...counts }, issued: new Map() };
}

type Existing = { id: number; status: DeadLetterStatus };

/** The row of the record at this position, if there is one, locked: an operator's change waits for the commit. */
function lockParked(trx: Knex.Transaction, position: Position): Promise<Existing | undefined> {
  return trx('dead_letters').where(whereOf(position)).forUpdate().first('id', 'status');
}

async function park(
  trx: Knex.Transaction,
  { position, key, value, headers, poison, failedAtMs }: ParkedRow,
  existing: Existing | undefined,
  logger: Logger,
): Promise<Partial<DispositionCounts>> {
  const { topic, partition, offset } = position;
  const reason = {
    reason_code: poison.code.slice(0, MAX_CODE_CHARACTERS),
    reason: shorten(poison.reason),
    attempts: poison.attempts,
  };
  if (existing?.status === 'redriven') {
    await trx('dead_letters')
      .where({ id: existing.id })
      .update({ ...reason, status: 'parked' });
  } else if (existing === undefined) {
    const row = {
      ...whereOf(position),
      // Longer than any key of ours: the whole of it stays in the topic.
      record_key: key?.subarray(0, MAX_KEY_BYTES) ?? null,
      ...reason,
      failed_at: toDateTime(failedAtMs),
    };
    const whole = { record_value: value, headers: JSON.stringify(readableHeaders(headers)) };
    await insertParked(trx, row, whole);
  } else {
    return { repeated: 1 };
  }
  logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter parked');
  return { deadLettered: 1 };
}

/** Inserts a row as it is `whole`; where MySQL takes no statement of that size, without value and headers. */
async function insertParked(
  trx: Knex.Transaction,
  row: { reason: string },
  whole: { record_value: Buffer | null; headers: string },
): Promise<void> {
  try {
    await trx('dead_letters').insert({ ...row, ...whole });
  } catch (error) {
    if (codeOf(error) !== 'ER_NET_PACKET_TOO_LARGE') throw error;
    // Nothing was sent, so the transaction goes on.
    const reason = shorten(`${TOO_LARGE_TO_KEEP}: ${row.reason}`);
    await trx('dead_letters').insert({ ...row, reason, record_value: null, headers: '{}' });
  }
}

async function mark(
  trx: Knex.Transaction,
  { id }: Existing,
  status: 'applied' | 'fenced',
  logger: Logger,
): Promise<void> {
  const changed = await trx('dead_letters').where({ id }).update({ status });
  if (changed > 0) logger.info({ id, status }, 'dead letter resolved');
}

function whereOf({ topic, partition, offset }: Position) {
  return { topic, partition_id: partition, record_offset: offset.toString() };
}

type HeaderText = string | { base64: string } | null;

/**
 * Headers as JSON: text as text, other bytes as `{base64}`, no value as null, several values under a
 * name as a list.
 */
export function readableHeaders(headers: Headers): Record<string, HeaderText | HeaderText[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, Array.isArray(value) ? value.map(readableValue) : readableValue(value)]];
    }),
  );
}

function readableValue(value: Buffer | string | null): HeaderText {
  if (value === null || typeof value === 'string') return value;
  const text = value.toString('utf8');
  return Buffer.from(text, 'utf8').equals(value) ? text : { base64: value.toString('base64') };
}
