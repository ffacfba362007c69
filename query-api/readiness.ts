// Ready: MySQL answers, and has the tables.
import type { Readiness } from '../http/health.ts';
import { withDeadline } from '../platform/deadline.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';

/** Gives the check of `/health/ready`: not ready when `check` fails, or takes longer than `limitMs`. */
export function createReadiness(
  check: () => Promise<void>,
  limitMs: number,
  logger: Logger,
): () => Promise<Readiness> {
  return async function isReady() {
    try {
      await withDeadline(check(), limitMs, () => new Error(`no answer within ${limitMs} ms`));
      return { ready: true };
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, 'not ready');
      return { ready: false, reason: 'MySQL does not answer, or its tables are not there' };
    }
  };
}
