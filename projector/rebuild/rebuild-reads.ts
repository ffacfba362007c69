// The read tables anew from the log, beside the live ones and while everybody goes on: built by the
// projector's own code up to where the live ones are, compared, and swapped.
import type { Knex } from 'knex';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { AppError } from '../../platform/errors.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { createProducer } from '../../platform/kafka/producer.ts';
import { createLogger } from '../../platform/logger.ts';
import type { DeadLetter } from '../consumed-record.ts';
import { createApplyBatch } from '../consumer/apply-batch.ts';
import { createDeferredRecords, type DeferredRecords } from '../dead-letters/deferred-records.ts';
import { createDeadLetterWriter } from '../dead-letters/write-dead-letters.ts';
import { createProjectBatch } from '../projection/project-batch.ts';
import { applyOnce } from '../projection/store.ts';
import type { ReadTables } from '../projection/tables.ts';
import { compareTables, type TableComparison } from './compare-tables.ts';
import { followLog, type LogFollower } from './follow-log.ts';
import { createNextTables, dropOrphanTables, dropTables } from './next-tables.ts';
import { checkLog, type LiveState, readLive, readLiveIn } from './read-live.ts';
import { rate, reportComparison, seconds, showProgress } from './rebuild-report.ts';
import { openRebuildSession, type RebuildSession } from './rebuild-session.ts';
import { swapTables } from './swap-tables.ts';

export type RebuildReadsOptions = {
  /** A pool of at least `REBUILD_CONNECTIONS`, whose sessions begin with `REBUILD_STATEMENTS`. */
  db: Knex;
  kafka: KafkaClient;
  codec: EventCodec;
  topicPrefix: string;
  /** Compare only: the live tables stay as they are. */
  checkOnly: boolean;
  /** Gets a line for each step, and about one a second in between. */
  report: (line: string) => void;
};

export type RebuildReadsResult =
  | {
      kind: 'compared' | 'swapped';
      comparisons: TableComparison[];
      /** Records of the log that were applied, and how long that took. */
      records: number;
      buildMs: number;
      /** How long the projector stood still; 0 when nothing was swapped. */
      stoodStillMs: number;
    }
  | { kind: 'held-by-another' };

export const REBUILD_CONNECTIONS = 12;
/** As the projector's, with longer silences: a comparison of large tables takes its time. */
export const REBUILD_STATEMENTS = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION wait_timeout = 3600, innodb_lock_wait_timeout = 5,
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'`,
] as const;

/** Larger than the projector's: no reader waits for a single record. */
const LIMITS = { maxRecords: 2_000, maxBytes: 1_048_576 };
/** No more than this is left to be applied while the projector stands still. */
const FEW_RECORDS = 1_000n;
const MAX_ROUNDS = 20;
const MAX_BUILDS = 3;

/**
 * Rebuilds the read tables. Killed at any point, it leaves either the old tables or the new ones live,
 * and tables that the next rebuild drops.
 * @throws AppError TOPIC_MISMATCH when the log can't be the one that the tables were made from,
 * KAFKA_UNAVAILABLE, REGISTRY_UNAVAILABLE, MYSQL_UNAVAILABLE (retriable); what MySQL threw
 */
export async function rebuildReads(options: RebuildReadsOptions): Promise<RebuildReadsResult> {
  const { db, report } = options;
  const session = await openRebuildSession(db);
  if (session === null) return { kind: 'held-by-another' };
  try {
    const orphans = await dropOrphanTables(db);
    if (orphans > 0) report(`dropped ${orphans} tables that an earlier rebuild left behind`);
    await checkLog(options, (await readLive(db)).reached);
    for (let build = 1; ; build += 1) {
      const result = await buildBeside(options, session);
      if (result !== 'stale') return result;
      if (build === MAX_BUILDS) {
        throw new AppError('MYSQL_UNAVAILABLE', 'records are being parked all the time', {
          retriable: true,
        });
      }
      report('a record was parked that was applied here already: beginning anew');
    }
  } finally {
    await session.end();
  }
}

async function buildBeside(
  options: RebuildReadsOptions,
  session: RebuildSession,
): Promise<RebuildReadsResult | 'stale'> {
  const { db, checkOnly, report } = options;
  const startedMs = performance.now();
  const next = await createNextTables(db);
  const deferred = createDeferredRecords(db, options.codec, next);
  const follower = follow(options, next, deferred);
  try {
    await approach(options, follower, deferred);
    const [records, buildMs] = [Number(follower.applied()), performance.now() - startedMs];
    report(`built from ${records} records in ${seconds(buildMs)}, ${rate(records, buildMs)}`);

    const comparisons = await compare(options, follower, deferred, next);
    if (comparisons === 'stale') return 'stale';
    for (const comparison of comparisons) reportComparison(comparison, report);
    const result = { comparisons, records, buildMs };
    if (checkOnly) return { kind: 'compared', ...result, stoodStillMs: 0 };

    await approach(options, follower, deferred);
    const swapped = await swapTables({
      ...{ db, session, next, report },
      catchUp: async (waitMs) => {
        const isThere = await catchUpTo(await readLive(db), follower, deferred, waitMs);
        await writeDeadLetters(options, deferred.unparked());
        return isThere;
      },
    });
    if (swapped.kind === 'stale') return 'stale';
    const { stoodStillMs, old } = swapped;
    report(`swapped; the projector stood still for ${Math.round(stoodStillMs)} ms`);
    await dropTables(db, old);
    return { kind: 'swapped', ...result, stoodStillMs };
  } finally {
    await dropTables(db, next);
  }
}

function follow(
  { db, kafka, codec, topicPrefix, report }: RebuildReadsOptions,
  next: ReadTables,
  deferred: DeferredRecords,
): LogFollower {
  const project = createProjectBatch(async (deadLetters) => deferred.defer(deadLetters), next);
  return followLog({
    ...{ kafka, topicPrefix, limits: LIMITS },
    applyBatch: createApplyBatch({
      codec,
      store: ([first, ...others]) =>
        applyOnce(
          db,
          [deferred.withholdParked(first), ...others.map(deferred.withholdParked)],
          project,
          next,
        ),
      consumerHealth: {
        stalled: (topicPartition, reason) => report(`${topicPartition} waits: ${reason}`),
        resumed: () => {},
      },
      logger: createLogger('rebuild-reads', 'silent'),
    }),
  });
}

/** Applies until the live tables are only a few records ahead, or for `MAX_ROUNDS`. */
async function approach(
  { db, report }: RebuildReadsOptions,
  follower: LogFollower,
  deferred: DeferredRecords,
): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { reached, parked } = await readLive(db);
    deferred.setParked(parked);
    const total = [...reached.values()].reduce((sum, offset) => sum + offset, 0n);
    const missing = total - follower.applied();
    const endProgress = showProgress(follower, total, report);
    await follower.to(reached).finally(endProgress);
    if (missing < FEW_RECORDS) return;
  }
}

// The live tables may have a row of a record that can't be applied here, from an older version of this
// code. It is to have a dead letter before that row is gone; a second one does no harm.
async function writeDeadLetters(
  { kafka, topicPrefix }: RebuildReadsOptions,
  deadLetters: readonly DeadLetter[],
): Promise<void> {
  if (deadLetters.length === 0) return;
  const producer = createProducer(kafka);
  try {
    const logger = createLogger('rebuild-reads', 'silent');
    await createDeadLetterWriter({ producer, topicPrefix, now: Date.now, logger })(deadLetters);
  } finally {
    await producer.close();
  }
}

/** Brings the next tables as far as the live ones are. @returns false when a record was parked after it had been applied here */
async function catchUpTo(
  { reached, parked }: LiveState,
  follower: LogFollower,
  deferred: DeferredRecords,
  waitMs?: number,
): Promise<boolean> {
  deferred.setParked(parked);
  await follower.to(reached, waitMs);
  await deferred.applyReleased();
  return !deferred.isStale(reached);
}

async function compare(
  { db, report }: RebuildReadsOptions,
  follower: LogFollower,
  deferred: DeferredRecords,
  next: ReadTables,
): Promise<TableComparison[] | 'stale'> {
  const startedMs = performance.now();
  return db.transaction(
    async (snapshot) => {
      if (!(await catchUpTo(await readLiveIn(snapshot), follower, deferred))) return 'stale';
      const comparisons = await compareTables(snapshot, db, next);
      report(`compared in ${seconds(performance.now() - startedMs)}`);
      return comparisons;
    },
    { isolationLevel: 'repeatable read' },
  );
}
