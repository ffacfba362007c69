// A dead letter, tried once more as if it still stood in its place in the log. What still can't be
// applied is parked in the table `dead_letters`, where operators find it.
import type { Knex } from 'knex';
import type { Logger } from '../platform/logger.ts';
import { readOrigin, shorten } from './dead-letter.ts';
import type { Headers, Place, Poison, Reading } from './log-record.ts';
import { project } from './project.ts';
import {
  addCounts,
  type Counts,
  insertRows,
  type MakeChange,
  NOTHING,
  toDateTime,
} from './store.ts';

/** What a row of `dead_letters` holds; the place is that of the original record. */
type Parked = {
  place: Place;
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
  poison: Poison;
  failedAtMs: number;
};

const MAX_KEY_BYTES = 512;
const MAX_CODE_CHARACTERS = 64;

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

async function retry(
  trx: Knex.Transaction,
  reading: Reading,
  nowMs: number,
  logger: Logger,
): Promise<{ counts: Counts; issued: ReadonlyMap<string, number> }> {
  const { record } = reading;
  const { key, value } = record;
  const origin = readOrigin(record);
  if (origin === null) {
    const reason = 'it stands in a dead letter topic without the headers of a dead letter';
    const poison = { code: 'RECORD_UNREADABLE', reason, attempts: 1 };
    const letter = { place: record, key, value, headers: record.headers, poison };
    const parked = await park(trx, { ...letter, failedAtMs: nowMs }, logger);
    return { counts: { ...NOTHING, ...parked }, issued: new Map() };
  }
  const { place, headers, failedAtMs } = origin;
  const projection = project(place.topic, [reading], origin.highestMarker);
  const { applied, repeated, issued } = await insertRows(trx, projection);
  let counts: Counts = { ...NOTHING, applied, repeated, voided: projection.voided };
  counts.markers = projection.markers;
  for (const letter of projection.deadLetters) {
    const attempts = origin.poison.attempts + letter.poison.attempts;
    const poison = { ...letter.poison, attempts };
    const parked = await park(trx, { place, key, value, headers, poison, failedAtMs }, logger);
    counts = addCounts(counts, { ...NOTHING, ...parked });
  }
  return { counts, issued };
}

async function park(
  trx: Knex.Transaction,
  { place, key, value, headers, poison, failedAtMs }: Parked,
  logger: Logger,
): Promise<Partial<Counts>> {
  const { topic, partition, offset } = place;
  const where = { topic, partition_id: partition, record_offset: offset.toString() };
  const existing = await trx('dead_letters').where(where).first('id');
  if (existing !== undefined) return { repeated: 1 };
  await trx('dead_letters').insert({
    ...where,
    // Longer than any key of ours: the whole of it stays in the topic.
    record_key: key?.subarray(0, MAX_KEY_BYTES) ?? null,
    record_value: value,
    headers: JSON.stringify(readableHeaders(headers)),
    reason_code: poison.code.slice(0, MAX_CODE_CHARACTERS),
    reason: shorten(poison.reason),
    attempts: poison.attempts,
    failed_at: toDateTime(failedAtMs),
  });
  logger.error({ topic, partition, offset: String(offset), ...poison }, 'dead letter parked');
  return { deadLettered: 1 };
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
