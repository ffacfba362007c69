// Ready: MySQL answers, and has the tables. Not: there is room for one more read. A balancer that took busy
// instances out would send their requests to the others, until none is left.
import type { Knex } from 'knex';
import type { Readiness } from '../http/health.ts';
import { withDeadline } from '../platform/deadline.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';

const TABLES = 'coupons, coupon_counters, assignments, projection_checkpoints';

/**
 * Gives the check of `/health/ready`: not ready when `database` does not answer within `limitMs`, or lacks a
 * table, and no read was answered meanwhile either. `database` has a connection of its own: those of the reads
 * may all be in use. `answered`: how many reads were answered so far.
 */
export function createReadiness(
  { database, answered, limitMs }: { database: Knex; answered: () => number; limitMs: number },
  logger: Logger,
): () => Promise<Readiness> {
  const late = (): Error => new Error(`no answer within ${limitMs} ms`);
  const check = async (): Promise<Readiness> => {
    const answeredBefore = answered();
    try {
      const query = database.select(database.raw('1')).from(database.raw(TABLES)).limit(0);
      await withDeadline(query.timeout(limitMs), limitMs, late);
      return { ready: true };
    } catch (error) {
      if (answered() > answeredBefore) return { ready: true };
      logger.debug({ reason: messageOf(error) }, 'not ready');
      return { ready: false, reason: 'MySQL does not answer, or its tables are not there' };
    }
  };
  let checking: Promise<Readiness> | null = null;
  return () => {
    // Whoever asks meanwhile gets the same finding: one connection is enough for any number of probes.
    checking ??= check().finally(() => {
      checking = null;
    });
    return checking;
  };
}
