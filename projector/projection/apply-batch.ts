// One batch from bytes to rows: waits out what passes, and finds the records that never will.
import { toLogEvent } from '../../contracts/event-record.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { type Backoff, backoffMs } from '../../platform/backoff.ts';
import { bisectBatch, type NonEmpty } from '../../platform/bisect-batch.ts';
import type { Logger } from '../../platform/logger.ts';
import { codeOf, failureOf, reasonOf } from '../consumer/failures.ts';
import type { LogRecord, Reading } from '../consumer/log-record.ts';
import { type Turn, TurnEnded } from '../consumer/partition-lease.ts';
import type { Condition } from '../consumer-health.ts';
import { addCounts, NOTHING, type Outcome } from './store.ts';

/** Stores readings and their checkpoint, all or nothing. */
export type Store = (readings: NonEmpty<Reading>) => Promise<Outcome>;

/**
 * Applies consecutive records of one partition.
 * @throws TurnEnded when the partition is no longer ours; every other error is one that nobody
 * thought of
 */
export type ApplyBatch = (records: NonEmpty<LogRecord>, turn: Turn) => Promise<Outcome>;

const TRANSIENT_BACKOFF: Backoff = { firstMs: 1_000, factor: 2, maxMs: 30_000 };
/** Four waits, longer together than the codec remembers a failed look-up. */
const POISON_BACKOFF: Backoff = { firstMs: 500, factor: 2, maxMs: 4_000 };

/** An applier that reads with `codec` and stores with `store`. */
export function createApplyBatch(parts: {
  codec: Pick<EventCodec, 'decode'>;
  store: Store;
  condition: Pick<Condition, 'stuck' | 'flowing'>;
  logger: Logger;
}): ApplyBatch {
  const { codec, condition, logger } = parts;

  const troubled = async (
    { topic, partition }: LogRecord,
    error: unknown,
    attempt: number,
    turn: Turn,
  ): Promise<void> => {
    const waitMs = backoffMs(TRANSIENT_BACKOFF, attempt);
    const reason = reasonOf(error);
    logger.warn({ topic, partition, code: codeOf(error), reason, waitMs }, 'trying again');
    condition.stuck(laneOf(topic, partition), reason);
    await turn.wait(waitMs);
  };

  const store = async (readings: NonEmpty<Reading>, turn: Turn): Promise<Outcome> => {
    const { record } = readings[0];
    for (let attempt = 0; ; attempt += 1) {
      try {
        const outcome = await turn.during(() => parts.store(readings));
        condition.flowing(laneOf(record.topic, record.partition));
        return outcome;
      } catch (error) {
        if (error instanceof TurnEnded || failureOf(error).kind !== 'transient') throw error;
        await troubled(record, error, attempt, turn);
      }
    }
  };

  const storeOne = async (reading: Reading, turn: Turn): Promise<Outcome> => {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await store([reading], turn);
      } catch (error) {
        const failure = failureOf(error);
        // A dead letter that finds no place is nothing that a dead letter could mend.
        if (failure.kind !== 'poison' || reading.kind === 'poison') throw error;
        if (attempts >= failure.tries) {
          const poison = { code: codeOf(error), reason: reasonOf(error), attempts };
          return store([{ kind: 'poison', record: reading.record, poison }], turn);
        }
        await turn.wait(backoffMs(POISON_BACKOFF, attempts - 1));
      }
    }
  };

  const storeBisecting = async (readings: NonEmpty<Reading>, turn: Turn): Promise<Outcome> => {
    let counts = NOTHING;
    let nextOffset = readings[0].record.offset;
    const outcomes = bisectBatch(readings, async (part) => {
      if (part.length === 1) return storeOne(part[0], turn);
      try {
        return await store(part, turn);
      } catch (error) {
        if (failureOf(error).kind !== 'poison') throw error;
        return 'split';
      }
    });
    for await (const outcome of outcomes) {
      if (outcome.kind === 'gap') return outcome;
      counts = addCounts(counts, outcome.counts);
      nextOffset = outcome.nextOffset;
    }
    return { kind: 'applied', nextOffset, counts };
  };

  const read = async (records: NonEmpty<LogRecord>, turn: Turn): Promise<NonEmpty<Reading>> => {
    const readings: Reading[] = new Array(records.length);
    let unread: Unread[] = records.map((record, index) => ({ record, index, attempts: 0 }));
    for (let round = 0; ; round += 1) {
      const { left, trouble } = await turn.during(() => readEach(codec, unread, readings));
      if (left.length === 0) break;
      unread = left;
      if (trouble === null) await turn.wait(backoffMs(POISON_BACKOFF, round));
      else await troubled(records[0], trouble.error, round, turn);
    }
    return readings as [Reading, ...Reading[]];
  };

  return async (records, turn) => storeBisecting(await read(records, turn), turn);
}

type Unread = { record: LogRecord; index: number; attempts: number };

/**
 * Reads records into `readings`, each at its index.
 * @returns those to be read again, and the transient trouble that stopped the reading, if one did
 */
async function readEach(
  codec: Pick<EventCodec, 'decode'>,
  unread: readonly Unread[],
  readings: Reading[],
): Promise<{ left: Unread[]; trouble: { error: unknown } | null }> {
  const left: Unread[] = [];
  for (const [position, { record, index, attempts }] of unread.entries()) {
    try {
      const { name, event } = await codec.decode(record.value);
      readings[index] = { kind: 'event', record, event: toLogEvent(name, event) };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'unknown') throw error;
      // The others of the batch would meet the same trouble.
      if (failure.kind === 'transient') {
        return { left: [...left, ...unread.slice(position)], trouble: { error } };
      }
      if (attempts + 1 < failure.tries) {
        left.push({ record, index, attempts: attempts + 1 });
      } else {
        const poison = { code: codeOf(error), reason: reasonOf(error), attempts: attempts + 1 };
        readings[index] = { kind: 'poison', record, poison };
      }
    }
  }
  return { left, trouble: null };
}

/** How log lines and health answers call a partition. */
export function laneOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
