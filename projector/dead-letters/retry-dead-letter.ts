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
import type { LogRecord, Reading } from '../consumer/log-record.ts';
import { project } from '../projection/project.ts';
import {
  addCounts,
  type Counts,
  insertRows,
  type MakeChange,
  NOTHING,
  toDateTime,
} from '../projection/store.ts';

/** What a row of `dead_letters` holds; the place is that of the original record. */
type Parked = {
  place: Position;
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
  poison: Poison;
  failedAtMs: number;
};

const MAX_KEY_BYTES = 512;
const MAX_CODE_CHARACTERS = 64;
const NO_ORIGIN: Poison = {
  code: 'RECORD_UNREADABLE',
  reason: 'it stands in a dead letter topic without the headers of a dead letter',
  attempts: 1,
};

/**
 * Tries batches of a dead letter topic again, with a checkpoint of their own: applied once, or
 * parked once, however often the letter was written. `now`: milliseconds since 1970.
 */
export function createRetryDeadLetter(now: () => number, logger: Logger): MakeChange {
  return async (trx, readings, highestMarker) => {
    let counts = NOTHING;
    const issued = new Map<string, number>();
    for (const reading of readings) {
      const one = await retry(trx, reading, now(), logger);
      counts = addCounts(counts, one.counts);
      for (const [couponId, units] of one.issued) {
        issued.set(couponId, (issued.get(couponId) ?? 0) + units);
      }
    }
    return { counts, highestMarker, issued };
  };
}

type Tried = { counts: Counts; issued: ReadonlyMap<string, number> };

async function retry(
  trx: Knex.Transaction,
  reading: Reading,
  nowMs: number,
  logger: Logger,
): Promise<Tried> {
  const { record } = reading;
  const origin = readOrigin(record);
  // What the log refused never had a place there: it must not be in the tables, either.
  if (origin === null || origin.offset === null) {
    const why = origin ?? { poison: NO_ORIGIN, failedAtMs: nowMs };
    const letter = { ...record, ...why, place: record };
    return nothingIssued(await park(trx, letter, await lockParked(trx, record), logger));
  }
  const { topic, partition, offset } = origin;
  return retryFrom(trx, reading, { ...origin, place: { topic, partition, offset } }, logger);
}

async function retryFrom(
  trx: Knex.Transaction,
  reading: Reading,
  origin: DeadLetterOrigin & { place: Position },
  logger: Logger,
): Promise<Tried> {
  const existing = await lockParked(trx, origin.place);
  if (existing?.status === 'discarded') return nothingIssued({ repeated: 1 });
  const projection = project(origin.topic, [reading], origin.highestMarker);
  const [letter] = projection.deadLetters;
  if (letter !== undefined) {
    const attempts = origin.poison.attempts + letter.poison.attempts;
    const parked = toParked(reading.record, origin, { ...letter.poison, attempts });
    return nothingIssued(await park(trx, parked, existing, logger));
  }
  const { applied, repeated, issued } = await insertRows(trx, projection);
  const { fenced, markers } = projection;
  if (existing !== undefined) await mark(trx, existing, fenced > 0 ? 'fenced' : 'applied', logger);
  return { counts: { ...NOTHING, applied, repeated, fenced, markers }, issued };
}

function toParked(
  { key, value }: LogRecord,
  { place, headers, failedAtMs }: DeadLetterOrigin & { place: Position },
  poison: Poison,
): Parked {
  return { place, key, value, headers, failedAtMs, poison };
}

function nothingIssued(counts: Partial<Counts>): Tried {
  return { counts: { ...NOTHING, ...counts }, issued: new Map() };
}

type Existing = { id: number; status: DeadLetterStatus };

/** The row of the record at this place, if there is one; an operator who wants it waits until the end. */
function lockParked(trx: Knex.Transaction, place: Position): Promise<Existing | undefined> {
  return trx('dead_letters').where(whereOf(place)).forUpdate().first('id', 'status');
}

async function park(
  trx: Knex.Transaction,
  { place, key, value, headers, poison, failedAtMs }: Parked,
  existing: Existing | undefined,
  logger: Logger,
): Promise<Partial<Counts>> {
  const { topic, partition, offset } = place;
  const why = {
    reason_code: poison.code.slice(0, MAX_CODE_CHARACTERS),
    reason: shorten(poison.reason),
    attempts: poison.attempts,
  };
  if (existing?.status === 'redriven') {
    await trx('dead_letters')
      .where({ id: existing.id })
      .update({ ...why, status: 'parked' });
  } else if (existing === undefined) {
    await trx('dead_letters').insert({
      ...whereOf(place),
      // Longer than any key of ours: the whole of it stays in the topic.
      record_key: key?.subarray(0, MAX_KEY_BYTES) ?? null,
      record_value: value,
      headers: JSON.stringify(readableHeaders(headers)),
      ...why,
      failed_at: toDateTime(failedAtMs),
    });
  } else {
    return { repeated: 1 };
  }
  logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter parked');
  return { deadLettered: 1 };
}

async function mark(
  trx: Knex.Transaction,
  { id }: Existing,
  status: 'applied' | 'fenced',
  logger: Logger,
): Promise<void> {
  const changed = await trx('dead_letters').where({ id }).update({ status });
  if (changed > 0) logger.info({ id, status }, 'dead letter settled');
}

function whereOf({ topic, partition, offset }: Position) {
  return { topic, partition_id: partition, record_offset: offset.toString() };
}

type HeaderText = string | { base64: string };

/** Headers as JSON: text as text, other bytes as `{base64}`, several values under a name as a list. */
export function readableHeaders(headers: Headers): Record<string, HeaderText | HeaderText[]> {
  const readable: Record<string, HeaderText | HeaderText[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    readable[name] = Array.isArray(value) ? value.map(readableValue) : readableValue(value);
  }
  return readable;
}

function readableValue(value: Buffer | string): HeaderText {
  if (typeof value === 'string') return value;
  const text = value.toString('utf8');
  return Buffer.from(text, 'utf8').equals(value) ? text : { base64: value.toString('base64') };
}
