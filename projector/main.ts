// The process of the projector: settings, health answers, consumers, shutdown.
import { listen } from '../http/server.ts';
import { runService } from '../platform/service.ts';
import { createProjectorApp } from './app.ts';
import { parseProjectorSettings } from './settings.ts';

await runService({
  name: 'projector',
  env: process.env,
  parseSettings: parseProjectorSettings,
  open: async (settings, tools) => {
    const { http } = settings;
    const app = await createProjectorApp(settings, tools);
    const server = await listen(app.http, http.host, http.port);
    tools.lifecycle.opened('http', () => server.close());
    await app.consume();
    tools.logger.info({ host: http.host, port: server.port }, 'listening');
  },
});
