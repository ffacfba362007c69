// The query API without its process: the routes over a read model, as `main.ts` and tests build them.
import type { Express } from 'express';
import type { Knex } from 'knex';
import { createApp } from '../http/app.ts';
import {
  type AssumptionFindings,
  healthRoutes,
  unlessStopping,
  withAssumptions,
} from '../http/health.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { queryRoutes } from './http/routes.ts';
import { createReadStore } from './read-model/read-store.ts';
import { createPositionWait } from './read-model/wait-for-position.ts';
import { createReadiness } from './readiness.ts';
import type { QueryApiSettings } from './settings.ts';

const MAX_BODY_BYTES = 1_024;
const CHECKPOINT_INTERVAL_MS = 20;
const READY_LIMIT_MS = 1_000;

/** The app that reads the tables of `reads`, and nothing else; `probe`: the same for `/health/ready` alone. */
export function createQueryApp(
  { reads, probe }: { reads: Knex; probe: Knex },
  { mysql, maxReads, maxWaiting }: Pick<QueryApiSettings, 'mysql' | 'maxReads' | 'maxWaiting'>,
  {
    logger,
    assumptions,
    lifecycle,
  }: {
    logger: Logger;
    assumptions: AssumptionFindings;
    lifecycle: Pick<Lifecycle, 'isStopping'>;
  },
): Express {
  const store = createReadStore(reads, { timeoutMs: mysql.timeoutMs, maxReads });
  const waitForPosition = createPositionWait({
    readCheckpoints: store.checkpoints,
    intervalMs: CHECKPOINT_INTERVAL_MS,
    maxWaiting,
  });
  const check = createReadiness(
    { database: probe, answered: store.answered, limitMs: READY_LIMIT_MS },
    logger,
  );
  const isReady = unlessStopping(withAssumptions(check, assumptions), lifecycle.isStopping);
  return createApp(
    [healthRoutes(isReady), queryRoutes({ store, waitForPosition, now: Date.now })],
    {
      logger,
      maxBodyBytes: MAX_BODY_BYTES,
    },
  );
}
