// Can the projector do its work now?
import type { Knex } from 'knex';
import type { Readiness } from '../http/health.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { ConsumerHealth } from './consumer/consumer-health.ts';
import { codeOf } from './failures.ts';

const MYSQL_LIMIT_MS = 1_000;

class MysqlTooLate extends Error {}

/**
 * Ready: in the groups, no partition stalled, and MySQL answers within a second. `db` has a connection of its
 * own: those of the batches may all be in use. Never throws.
 */
export async function checkProjectorReadiness(
  db: Knex,
  consumerHealth: Pick<ConsumerHealth, 'notReadyReason'>,
): Promise<Readiness> {
  const reason = consumerHealth.notReadyReason();
  if (reason !== null) return { ready: false, reason };
  try {
    const query = db.raw('SELECT 1').timeout(MYSQL_LIMIT_MS);
    await withDeadline(query, MYSQL_LIMIT_MS, () => new MysqlTooLate());
    return { ready: true };
  } catch (error) {
    if (error instanceof MysqlTooLate) {
      return { ready: false, reason: 'MySQL does not answer in time' };
    }
    return { ready: false, reason: `MySQL does not answer: ${codeOf(error)}` };
  }
}
