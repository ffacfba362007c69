// The records that a rebuild of the read tables does not apply in their turn: those that are parked in
// `dead_letters`, and those that it can't apply itself. Some of them count all the same: what was
// tried again from the dead letter topic, and applied.
import type { Knex } from 'knex';
import type { Poison } from '../../contracts/dead-letter.ts';
import { toLogEvent } from '../../contracts/event-record.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { failureOf } from '../consumer/failures.ts';
import type { DeadLetter, LogRecord, Reading } from '../consumer/log-record.ts';
import { laneOf } from '../projection/apply-batch.ts';
import { project } from '../projection/project.ts';
import { addIssued, insertRows } from '../projection/store.ts';
import type { ReadTables } from '../projection/tables.ts';
import { inTransaction } from '../projection/transaction.ts';

export type HeldLetters = {
  /** The records that are parked now, or discarded, as `placeOf` names them. */
  park(places: ReadonlySet<string>): void;
  /** A reading as it is to be stored: what is parked is held back. */
  holdBack(reading: Reading): Reading;
  hold(letters: readonly DeadLetter[]): void;
  /**
   * Tries what is held and not parked (any more) once again, each as if it still stood in its place.
   * What can't be applied stays held.
   */
  applyReleased(): Promise<void>;
  /** What is held and not parked: either its letter is on its way already, or it never got one. */
  unparked(): DeadLetter[];
  /**
   * Is a record parked below these offsets (by `laneOf`) that was not held? It was parked after the
   * rebuild had passed it; then its row may be there, and must not.
   */
  isOvertaken(reached: ReadonlyMap<string, bigint>): boolean;
};

const HELD: Poison = { code: 'PARKED', reason: 'it is parked in dead_letters', attempts: 0 };
const TRANSACTION_LIMIT_MS = 20_000;

/** How a record is named here: `coupon-assign/2/1041`. */
export function placeOf(topic: string, partition: number, offset: bigint): string {
  return `${laneOf(topic, partition)}/${offset}`;
}

/** Held letters of a rebuild that writes into `tables`. */
export function createHeldLetters(
  db: Knex,
  codec: Pick<EventCodec, 'decode'>,
  tables: ReadTables,
): HeldLetters {
  const held = new Map<string, DeadLetter>();
  let parked: ReadonlySet<string> = new Set();
  const nameOf = ({ topic, partition, offset }: LogRecord) => placeOf(topic, partition, offset);

  const apply = async ({ record, highestMarker }: DeadLetter): Promise<void> => {
    const { name, event } = await codec.decode(record.value);
    const reading: Reading = { kind: 'event', record, event: toLogEvent(name, event) };
    const projection = project(record.topic, [reading], highestMarker);
    if (projection.deadLetters.length > 0) return;
    await inTransaction(db, TRANSACTION_LIMIT_MS, async (trx) => {
      const { issued } = await insertRows(trx, projection, tables);
      await addIssued(trx, issued, tables);
    });
    held.delete(nameOf(record));
  };

  return {
    park: (places) => {
      parked = places;
    },
    holdBack: (reading) =>
      parked.size > 0 && parked.has(nameOf(reading.record))
        ? { kind: 'poison', record: reading.record, poison: HELD }
        : reading,
    hold: (letters) => {
      for (const letter of letters) held.set(nameOf(letter.record), letter);
    },
    applyReleased: async () => {
      for (const [name, letter] of held) {
        if (parked.has(name)) continue;
        await apply(letter).catch((error: unknown) => {
          if (failureOf(error).kind !== 'poison') throw error;
        });
      }
    },
    unparked: () => [...held].filter(([name]) => !parked.has(name)).map(([, letter]) => letter),
    isOvertaken: (reached) =>
      [...parked].some((name) => {
        const lane = name.slice(0, name.lastIndexOf('/'));
        const offset = BigInt(name.slice(name.lastIndexOf('/') + 1));
        return offset < (reached.get(lane) ?? 0n) && !held.has(name);
      }),
  };
}
