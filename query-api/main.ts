// Composition root of the query API: reads the tables of the read model, and nothing else.
import { createApp } from '../http/app.ts';
import { healthRoutes } from '../http/health.ts';
import { listen } from '../http/server.ts';
import { createMysql } from '../platform/mysql.ts';
import { runService } from '../platform/service.ts';
import { WAIT } from './http/parse-query.ts';
import { queryRoutes } from './http/routes.ts';
import { createReadStore } from './read-model/read-store.ts';
import { createPositionWait } from './read-model/wait-for-position.ts';
import { createReadiness } from './readiness.ts';
import { parseSettings } from './settings.ts';

const MAX_BODY_BYTES = 1_024;
const LOOK_INTERVAL_MS = 20;
const READY_LIMIT_MS = 1_000;

await runService({
  name: 'query-api',
  env: process.env,
  parseSettings,
  open: async ({ http, mysql, maxReads, maxWaiting }, { logger, lifecycle }) => {
    const database = createMysql(mysql, logger);
    lifecycle.opened('mysql', () => database.destroy());

    const store = createReadStore(database, { timeoutMs: mysql.timeoutMs, maxReads });
    const waitForPosition = createPositionWait({
      readCheckpoints: store.checkpoints,
      intervalMs: LOOK_INTERVAL_MS,
      maxWaiting,
    });
    const isReady = createReadiness(store.check, READY_LIMIT_MS, logger);
    const app = createApp(
      [healthRoutes(isReady), queryRoutes({ store, waitForPosition, now: Date.now })],
      { logger, maxBodyBytes: MAX_BODY_BYTES },
    );
    const server = await listen(app, http.host, http.port);
    // A read under way may wait for its position, and then for MySQL.
    lifecycle.opened('http', server.close, WAIT.maxSeconds * 1_000 + 5 * mysql.timeoutMs);
    logger.info({ port: server.port }, 'listening');
  },
});
