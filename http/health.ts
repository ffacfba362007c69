// `/health/live`: this process turns. `/health/ready`: it can do its work now.
import { Router } from 'express';

/** What a readiness check found; `reason` says what is missing, without addresses or secrets. */
export type Readiness = { ready: true } | { ready: false; reason: string };

/** The two health routes; `check` must answer within a second or so, and must not throw. */
export function healthRoutes(check: () => Promise<Readiness>): Router {
  const router = Router();
  router.get('/health/live', (_request, response) => {
    response.json({ status: 'live' });
  });
  router.get('/health/ready', async (_request, response) => {
    const readiness = await check();
    response
      .status(readiness.ready ? 200 : 503)
      .json(
        readiness.ready ? { status: 'ready' } : { status: 'not ready', reason: readiness.reason },
      );
  });
  return router;
}
