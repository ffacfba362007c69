// Can the projector do its work now?
import type { Knex } from 'knex';
import { codeOf } from './consumer/failures.ts';
import type { Condition } from './consumer-health.ts';

const MYSQL_LIMIT_MS = 1_000;

/** Ready: in the groups, no partition stuck, and MySQL answers within a second. Never throws. */
export async function checkReadiness(
  db: Knex,
  condition: Pick<Condition, 'hindrance'>,
): Promise<{ ready: true } | { ready: false; reason: string }> {
  const hindrance = condition.hindrance();
  if (hindrance !== null) return { ready: false, reason: hindrance };
  const limit = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => limit.resolve('late'), MYSQL_LIMIT_MS);
  try {
    const answer = await Promise.race([db.raw('SELECT 1').timeout(MYSQL_LIMIT_MS), limit.promise]);
    if (answer === 'late') return { ready: false, reason: 'MySQL does not answer in time' };
    return { ready: true };
  } catch (error) {
    return { ready: false, reason: `MySQL does not answer: ${codeOf(error)}` };
  } finally {
    clearTimeout(timer);
  }
}
