// The records that a rebuild of the read tables does not apply when it comes to them: those that are
// parked in `dead_letters`, and those that it can't apply itself. Some of them count all the same: what
// was tried again from the dead letter topic, and applied.
import type { Knex } from 'knex';
import type { Poison } from '../../contracts/dead-letter.ts';
import { toLogEvent } from '../../contracts/event-record.ts';
import { formatPositions, type Position, topicPartitionOf } from '../../contracts/position.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import type { DeadLetter, DecodeResult } from '../consumed-record.ts';
import { failureOf } from '../failures.ts';
import { addIssued, insertRows } from '../projection/insert-rows.ts';
import { project } from '../projection/project.ts';
import type { ReadTables } from '../projection/tables.ts';
import { inTransaction } from '../projection/transaction.ts';

export type DeferredRecords = {
  /** Replaces the positions of the records that are parked now, or discarded. */
  setParked(positions: readonly Position[]): void;
  /** A record as it is to be stored: one that is parked as poison, so that it is deferred. */
  withholdParked(decoded: DecodeResult): DecodeResult;
  /** Defers records. */
  defer(deadLetters: readonly DeadLetter[]): void;
  /**
   * Tries what is deferred and not parked (any more) once again, each as if it still stood in its
   * place in the log. What can't be applied stays deferred.
   */
  applyReleased(): Promise<void>;
  /** What is deferred and not parked: either its dead letter is on its way already, or it never got one. */
  unparked(): DeadLetter[];
  /**
   * Is a record parked below these offsets (by `topicPartitionOf`) that was not deferred? It was parked
   * after the rebuild had applied it; then its row may be in the new tables, and must not.
   */
  isStale(reached: ReadonlyMap<string, bigint>): boolean;
};

const PARKED: Poison = { code: 'PARKED', reason: 'it is parked in dead_letters', attempts: 0 };
const TRANSACTION_LIMIT_MS = 20_000;

/** The deferred records of a rebuild that writes into `tables`; none at first. */
export function createDeferredRecords(
  db: Knex,
  codec: Pick<EventCodec, 'decode'>,
  tables: ReadTables,
): DeferredRecords {
  const deferred = new Map<string, DeadLetter>();
  let parked: ReadonlyMap<string, Position> = new Map();

  const apply = async ({ record, highestMarker }: DeadLetter): Promise<void> => {
    const { name, event } = await codec.decode(record.value);
    const decoded: DecodeResult = { kind: 'event', record, event: toLogEvent(name, event) };
    const projection = project(record.topic, [decoded], highestMarker);
    if (projection.deadLetters.length > 0) return;
    await inTransaction(db, TRANSACTION_LIMIT_MS, async (trx) => {
      const { issued } = await insertRows(trx, projection, tables);
      await addIssued(trx, issued, tables);
    });
    deferred.delete(nameOf(record));
  };

  return {
    setParked: (positions) => {
      parked = new Map(positions.map((position) => [nameOf(position), position]));
    },
    withholdParked: (decoded) =>
      decoded.kind !== 'vacant' && parked.size > 0 && parked.has(nameOf(decoded.record))
        ? { kind: 'poison', record: decoded.record, poison: PARKED }
        : decoded,
    defer: (deadLetters) => {
      for (const deadLetter of deadLetters) deferred.set(nameOf(deadLetter.record), deadLetter);
    },
    applyReleased: async () => {
      for (const [name, deadLetter] of deferred) {
        if (parked.has(name)) continue;
        await apply(deadLetter).catch((error: unknown) => {
          if (failureOf(error).kind !== 'poison') throw error;
        });
      }
    },
    unparked: () =>
      [...deferred].filter(([name]) => !parked.has(name)).map(([, deadLetter]) => deadLetter),
    isStale: (reached) =>
      [...parked].some(([name, { topic, partition, offset }]) => {
        const end = reached.get(topicPartitionOf(topic, partition)) ?? 0n;
        return offset < end && !deferred.has(name);
      }),
  };
}

function nameOf(position: Position): string {
  return formatPositions([position]);
}
