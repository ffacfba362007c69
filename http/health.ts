// `/health/live`: this process runs. `/health/ready`: it can do its work now.
import { Router } from 'express';
import { onlyMethods } from './app.ts';

/** What a readiness check found; `reason` says what is missing, without addresses or secrets. */
export type Readiness = { ready: true } | { ready: false; reason: string };

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
        .json(
          readiness.ready ? { status: 'ready' } : { status: 'not ready', reason: readiness.reason },
        );
    })
    .all(onlyMethods('GET', 'HEAD'));
  return router;
}
