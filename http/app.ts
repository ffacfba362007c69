// The express app that both APIs start from: request id, bounded JSON bodies, problem answers.
import { randomBytes } from 'node:crypto';
import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { AppError, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { PROBLEMS, type Problem } from './problems.ts';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const NO_TRACE = '0'.repeat(32);

/**
 * An app with these routes. Every answer carries `X-Trace-Id`: that of the caller's `traceparent`
 * where there is one, else a new one. `maxBodyBytes`: larger bodies get 413.
 */
export function createApp(
  routes: Router[],
  options: { logger: Logger; maxBodyBytes: number },
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(nameTrace);
  app.use(requireJson);
  app.use(express.json({ limit: options.maxBodyBytes, strict: false }));
  for (const router of routes) app.use(router);
  app.use((_request, response) => sendProblem(response, { name: 'routeNotFound' }));
  app.use(answerError(options.logger));
  return app;
}

/** The trace id of the request that `response` answers. */
export function traceIdOf(response: Response): string {
  return String(response.locals.traceId);
}

/** Answers with a problem; `Retry-After` is in whole seconds, `retryAfterMs` in the body is exact. */
export function sendProblem(response: Response, problem: Problem): void {
  const { code, status, title } = PROBLEMS[problem.name];
  if (problem.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', String(Math.ceil(problem.retryAfterMs / 1000)));
  }
  response
    .status(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:firstcome:problem:${code}`,
        title,
        status,
        code,
        ...(problem.detail === undefined ? {} : { detail: problem.detail }),
        ...(problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }),
        ...problem.members,
        traceId: traceIdOf(response),
      }),
    );
}

/** For the end of a route's chain: the address is known, the method is not. */
export function onlyMethods(...methods: string[]): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', methods.join(', '));
    sendProblem(response, { name: 'methodNotAllowed' });
  };
}

const nameTrace: RequestHandler = (request, response, next) => {
  const match = TRACEPARENT.exec(request.get('traceparent') ?? '');
  const given = match?.[1];
  const traceId =
    given === undefined || given === NO_TRACE ? randomBytes(16).toString('hex') : given;
  response.locals.traceId = traceId;
  response.setHeader('X-Trace-Id', traceId);
  next();
};

const requireJson: RequestHandler = (request, response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && request.is('application/json') === false) {
    sendProblem(response, { name: 'unsupportedMediaType' });
    return;
  }
  next();
};

function answerError(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = problemOfError(error);
    if (PROBLEMS[problem.name].status >= 500) {
      logger.warn(
        { traceId: traceIdOf(response), method: request.method, path: request.path, err: error },
        messageOf(error),
      );
    }
    sendProblem(response, problem);
  };
}

// body-parser and express name their errors by `type` and `status`.
function problemOfError(error: unknown): Problem {
  if (error instanceof AppError) {
    return error.retriable === true
      ? { name: 'storeUnavailable', retryAfterMs: 1_000 }
      : { name: 'internal' };
  }
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') return { name: 'bodyTooLarge' };
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return { name: 'unsupportedMediaType' };
  }
  if (type === 'entity.parse.failed') return { name: 'invalidJson' };
  if (status === 400) return { name: 'invalidJson', detail: 'The request could not be read.' };
  return { name: 'internal' };
}
