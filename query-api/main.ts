// The process of the query API: settings, MySQL, listening, shutdown.
import { listen } from '../http/server.ts';
import { createMysql } from '../platform/mysql.ts';
import { runService } from '../platform/service.ts';
import { createQueryApp } from './app.ts';
import { POSITION_WAIT } from './http/parse-query.ts';
import { parseQueryApiSettings } from './settings.ts';

await runService({
  name: 'query-api',
  env: process.env,
  parseSettings: parseQueryApiSettings,
  open: async (settings, { logger, lifecycle }) => {
    const { http, mysql } = settings;
    const database = createMysql(mysql, logger);
    lifecycle.opened('mysql', () => database.destroy());
    const server = await listen(createQueryApp(database, settings, logger), http.host, http.port);
    // A read under way may wait for its position, and then for MySQL.
    const closeLimitMs = POSITION_WAIT.maxSeconds * 1_000 + 5 * mysql.timeoutMs;
    lifecycle.opened('http', server.close, closeLimitMs);
    logger.info({ port: server.port }, 'listening');
  },
});
