// Ready: MySQL answers, and has the tables.
import type { Readiness } from '../http/health.ts';
import { pause } from '../platform/backoff.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';

/** Gives the check of `/health/ready`: not ready when `check` fails, or takes longer than `limitMs`. */
export function createReadiness(
  check: () => Promise<void>,
  limitMs: number,
  logger: Logger,
): () => Promise<Readiness> {
  return async function isReady() {
    const late = pause(limitMs).then(() => `no answer within ${limitMs} ms`);
    const failure = await Promise.race([check().then(() => undefined, messageOf), late]);
    if (failure === undefined) return { ready: true };
    logger.debug({ reason: failure }, 'not ready');
    return { ready: false, reason: 'MySQL does not answer, or its tables are not there' };
  };
}
