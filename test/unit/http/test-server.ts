// A small API on the dialect that both APIs share.
import { Router } from 'express';
import { createApp, onlyMethods, sendProblem } from '../../../http/app.ts';
import { healthRoutes, type Readiness } from '../../../http/health.ts';
import {
  type HttpServer,
  listen,
  type RequestTimeouts,
  type ShedLoad,
} from '../../../http/server.ts';
import { AppError } from '../../../platform/errors.ts';
import { createLogger } from '../../../platform/logger.ts';

export type TestServer = HttpServer & { url: string };

/** Serves on a free port; `slow` is what `/slow` waits for, `readiness` what `/health/ready` says. */
export async function startTestServer(
  options: {
    slow?: Promise<unknown>;
    readiness?: () => Promise<Readiness>;
    shedLoad?: ShedLoad;
    timeouts?: RequestTimeouts;
  } = {},
): Promise<TestServer> {
  const router = Router();
  router
    .route('/echo')
    .post((request, response) => {
      response.status(201).json({ body: request.body ?? null });
    })
    .all(onlyMethods('POST'));
  router.get('/slow', async (_request, response) => {
    await options.slow;
    response.json({ done: true });
  });
  router.get('/named/:name', (request, response) => {
    response.json({ name: request.params.name });
  });
  router.get('/busy', (_request, response) => {
    sendProblem(response, { name: 'closed', retryAfterMs: 1_200, detail: 'soon' });
  });
  router.get('/bug', () => {
    throw new Error('password=hunter2');
  });
  router.get('/lost', () => {
    throw new AppError('MYSQL_UNAVAILABLE', 'mysql://root:hunter2@db lost', { retriable: true });
  });
  const readiness = options.readiness ?? (async () => ({ ready: true }) as const);
  const app = createApp([healthRoutes(readiness), router], {
    logger: createLogger('test', 'silent'),
    maxBodyBytes: 1_024,
  });
  const server = await listen(app, '127.0.0.1', 0, options.shedLoad, options.timeouts);
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}
