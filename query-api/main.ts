// The process of the query API: settings, MySQL, listening, shutdown.
import { listen } from '../http/server.ts';
import { ASSUMPTIONS_EVERY_MS, createAssumptionWatch } from '../platform/assumptions.ts';
import { ANSWERS_FIRST } from '../platform/lifecycle.ts';
import { createMysql, MYSQL_CLOSE } from '../platform/mysql.ts';
import { limitReadsTo } from '../platform/mysql-session.ts';
import { runService } from '../platform/service.ts';
import { createQueryApp } from './app.ts';
import { queryApiAssumptions } from './assumptions.ts';
import { parseQueryApiSettings } from './settings.ts';

await runService({
  name: 'query-api',
  env: process.env,
  parseSettings: parseQueryApiSettings,
  open: async (settings, { logger, lifecycle }) => {
    const { http, mysql } = settings;
    const sessionStatements = [limitReadsTo(mysql.timeoutMs)];
    const database = createMysql({ ...mysql, sessionStatements }, logger);
    lifecycle.opened('mysql', () => database.destroy(), MYSQL_CLOSE);
    const probe = createMysql({ ...mysql, poolSize: 1 }, logger);
    lifecycle.opened('mysql probe', () => probe.destroy(), MYSQL_CLOSE);
    const assumptions = createAssumptionWatch({
      ...{ assumptions: queryApiAssumptions(database), everyMs: ASSUMPTIONS_EVERY_MS, logger },
    });
    lifecycle.opened('assumption watch', async () => assumptions.close());
    const app = createQueryApp({ reads: database, probe }, settings, {
      logger,
      assumptions,
      lifecycle,
    });
    const server = await listen(app, http.host, http.port);
    lifecycle.opened('http', () => server.close(), ANSWERS_FIRST);
    logger.info({ port: server.port }, 'listening');
  },
});
