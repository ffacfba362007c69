// The swap: the next set of read tables in the place of the live one, in one statement, while no
// transaction of a projector is under way and the next set is exactly as far as the live one was.
import type { Knex } from 'knex';
import { deadLetterTopicOf, EVENT_TOPICS } from '../../contracts/topics.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { AppError } from '../../platform/errors.ts';
import { codeOf, reasonOf } from '../failures.ts';
import { LIVE_TABLES, type ReadTables } from '../projection/tables.ts';
import { renameStatement } from './next-tables.ts';
import type { RebuildSession } from './rebuild-session.ts';

/** `stale`: the next set can't be brought to where the live one is. */
export type SwapOutcome =
  | { kind: 'swapped'; stoodStillMs: number; old: ReadTables }
  | { kind: 'stale' };

/** Failures that pass by themselves: a long read, a long batch, a slow broker. */
const BUSY: ReadonlySet<string> = new Set([
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_LOCK_DEADLOCK',
  'KAFKA_UNAVAILABLE',
]);
const MAX_ATTEMPTS = 30;
const RETRY: Backoff = { firstMs: 200, factor: 1.5, maxMs: 5_000 };
/** The projector waits for its lock so long before it logs that it does. */
const CATCH_UP_MS = 3_000;

/**
 * Swaps. The row of `projection_generation` is the fence: each transaction of a projector on the live
 * tables holds it shared, and waits for it before it has touched them. While it is locked here, `catchUp`
 * brings the next set to the live checkpoints, and then the names change.
 * @param catchUp false when it can't be done; throws KAFKA_UNAVAILABLE when it takes too long
 * @throws AppError MYSQL_UNAVAILABLE (retriable) when the tables stay in use; whatever else goes wrong
 */
export async function swapTables(parts: {
  db: Knex;
  session: RebuildSession;
  next: ReadTables;
  catchUp: (waitMs?: number) => Promise<boolean>;
  report: (line: string) => void;
}): Promise<SwapOutcome> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    try {
      return await swapOnce(parts);
    } catch (error) {
      if (!BUSY.has(codeOf(error))) throw error;
      parts.report(`the tables are in use, trying again: ${reasonOf(error)}`);
    }
    await pause(backoffMs(RETRY, attempt));
    if (!(await parts.catchUp())) return { kind: 'stale' };
  }
  throw new AppError('MYSQL_UNAVAILABLE', 'the tables stay in use: a very long read?', {
    retriable: true,
  });
}

async function swapOnce({
  db,
  session,
  next,
  catchUp,
  report,
}: Parameters<typeof swapTables>[0]): Promise<SwapOutcome> {
  const { statement, old } = renameStatement(db, next);
  let swapped: SwapOutcome | undefined;
  try {
    return await db.transaction(async (fence) => {
      const row = await fence('projection_generation').forUpdate().first('generation');
      if (row === undefined) {
        throw new AppError('STARTUP_FAILED', 'projection_generation is empty: run npm run migrate');
      }
      const startedMs = performance.now();
      if (!(await catchUp(CATCH_UP_MS))) return { kind: 'stale' };
      await copyDeadLetterCheckpoints(db, next);
      await copyDeadLetterPositions(db, next);
      await session.query(statement);
      swapped = { kind: 'swapped', stoodStillMs: performance.now() - startedMs, old };
      await fence('projection_generation').update({
        generation: fence.raw('generation + 1'),
        began_at: fence.raw('UTC_TIMESTAMP(3)'),
      });
      return swapped;
    });
  } catch (error) {
    if (swapped === undefined) throw error;
    // The tables are swapped; only the number of their generation is not.
    report(`the generation could not be counted: ${reasonOf(error)}`);
    return swapped;
  }
}

// How far the dead letter topics were tried again does not come from the events.
async function copyDeadLetterCheckpoints(db: Knex, next: ReadTables): Promise<void> {
  const topics = EVENT_TOPICS.map(deadLetterTopicOf);
  await db(next.checkpoints).whereIn('topic', topics).delete();
  await db.raw('INSERT INTO ?? SELECT * FROM ?? WHERE topic IN (?)', [
    next.checkpoints,
    LIVE_TABLES.checkpoints,
    topics as unknown as Knex.Value,
  ]);
}

// What was applied from a dead letter topic was built here at its place in the event topic. It keeps
// the position at which it came: walks that are under way would pass it over at the other.
async function copyDeadLetterPositions(db: Knex, next: ReadTables): Promise<void> {
  await db.raw(
    `UPDATE ?? AS live STRAIGHT_JOIN ?? AS next ON next.id = live.id
     SET next.applied_partition = live.applied_partition,
         next.applied_offset = live.applied_offset
     WHERE live.applied_partition < 0`,
    [LIVE_TABLES.coupons, next.coupons],
  );
  // Coupon by coupon: no index has them all together.
  await db.raw(
    `UPDATE ?? AS counter
       STRAIGHT_JOIN ?? AS live FORCE INDEX (assignments_of_coupon_by_applied)
         ON live.coupon_id = counter.coupon_id AND live.applied_partition < 0
       STRAIGHT_JOIN ?? AS next ON next.id = live.id
     SET next.applied_partition = live.applied_partition,
         next.applied_offset = live.applied_offset`,
    [LIVE_TABLES.counters, LIVE_TABLES.assignments, next.assignments],
  );
}
