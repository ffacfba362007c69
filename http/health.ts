// `/health/live`: this process runs. `/health/ready`: it can do its work now.
import { Router } from 'express';
import { onlyMethods } from './app.ts';

/**
 * What a readiness check found, without addresses or secrets: `reason` says what is missing, `warnings`
 * what should be looked after though the work goes on.
 */
export type Readiness = { ready: true; warnings?: string[] } | { ready: false; reason: string };

/** What the promise rests on, as an assumption watch (platform/assumptions.ts) found it. */
export type AssumptionFindings = { broken(): string | null; warnings(): string[] };

/** `check`, and beside it: not ready while an assumption is broken that closes the service. */
export function withAssumptions(
  check: () => Promise<Readiness>,
  assumptions: AssumptionFindings,
): () => Promise<Readiness> {
  return async () => {
    const reason = assumptions.broken();
    if (reason !== null) return { ready: false, reason };
    const readiness = await check();
    const warnings = assumptions.warnings();
    return readiness.ready && warnings.length > 0 ? { ready: true, warnings } : readiness;
  };
}

/** `check`, but not ready from the moment on that the process was told to stop. */
export function unlessStopping(
  check: () => Promise<Readiness>,
  isStopping: () => boolean,
): () => Promise<Readiness> {
  return async () => (isStopping() ? { ready: false, reason: 'stopping' } : check());
}

/**
 * The two health routes; `check` must answer within a second or so, and must not throw. `isLive`:
 * for a process whose work goes on outside of HTTP; false asks for its restart.
 */
export function healthRoutes(
  check: () => Promise<Readiness>,
  isLive: () => boolean = () => true,
): Router {
  const router = Router();
  router
    .route('/health/live')
    .get((_request, response) => {
      const live = isLive();
      response
        .setHeader('Cache-Control', 'no-store')
        .status(live ? 200 : 503)
        .json({ status: live ? 'live' : 'not live' });
    })
    .all(onlyMethods('GET', 'HEAD'));
  router
    .route('/health/ready')
    .get(async (_request, response) => {
      const readiness = await check();
      response
        .setHeader('Cache-Control', 'no-store')
        .status(readiness.ready ? 200 : 503)
        .json(bodyOf(readiness));
    })
    .all(onlyMethods('GET', 'HEAD'));
  return router;
}

function bodyOf(readiness: Readiness): object {
  if (!readiness.ready) return { status: 'not ready', reason: readiness.reason };
  const { warnings } = readiness;
  return warnings === undefined ? { status: 'ready' } : { status: 'ready', warnings };
}
