// The express app that both APIs start from: request id, bounded JSON bodies, problem answers.
import { type Attributes, metrics, type Span, SpanKind } from '@opentelemetry/api';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { PROBLEMS, type Problem, problemBody } from '../contracts/problems.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { endSpan, startSpan, traceparentOfSpan } from '../platform/tracing.ts';
import { closeAfterAnswer, closeUnlessShort } from './close-after-answer.ts';
import { readBody } from './read-body.ts';
import { traceIdIn, traceparentFor } from './traceparent.ts';

/** In metrics and spans, the status of a request whose caller left before the answer was written (as nginx has it). */
const CALLER_LEFT_STATUS = 499;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

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
  app.use(observe());
  app.use(readBody(options.maxBodyBytes, refuseUnread));
  for (const router of routes) app.use(router);
  app.use((_request, response) => sendProblem(response, { name: 'routeNotFound' }));
  app.use(answerError(options.logger));
  return app;
}

/** The trace id of the request that `response` answers. */
function traceIdOf(response: Response): string {
  return String(response.locals.traceId);
}

/** The request's place in its trace, to be kept with what it causes (W3C Trace Context). */
export function traceparentOf(response: Response): string {
  return String(response.locals.traceparent);
}

/** Answers with a problem; `Retry-After` is in whole seconds, `retryAfterMs` in the body is exact. */
export function sendProblem(response: Response, problem: Problem): void {
  if (problem.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', String(Math.ceil(problem.retryAfterMs / 1000)));
  }
  // A 404 may be cached unless it is forbidden, and what was asked for may exist a moment later.
  response.setHeader('Cache-Control', 'no-store');
  response.removeHeader('ETag');
  const body = problemBody(problem, traceIdOf(response));
  sendJson(response, PROBLEMS[problem.name].status, body, 'application/problem+json');
}

/**
 * Answers with JSON text as it is. Express' own `json` finds out the type, and parses it, once more
 * for every answer.
 */
export function sendJson(
  response: Response,
  status: number,
  json: string,
  mediaType = 'application/json',
): void {
  response.statusCode = status;
  response.setHeader('Content-Type', `${mediaType}; charset=utf-8`);
  response.setHeader('Content-Length', Buffer.byteLength(json));
  response.end(json);
}

/** For the end of a route's chain: the address is known, the method is not. */
export function onlyMethods(...methods: string[]): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', methods.join(', '));
    sendProblem(response, { name: 'methodNotAllowed' });
  };
}

// A request belongs to its caller's trace; whoever has none gets one, so that logs and answers can
// name it even where no spans are recorded.
function observe(): RequestHandler {
  const seconds = metrics
    .getMeter('firstcome')
    .createHistogram('http_server_request_duration_seconds', {
      description: 'From the request head to the end of the answer',
      advice: { explicitBucketBoundaries: SECONDS },
    });
  return (request, response, next) => {
    const startedMs = performance.now();
    const given = request.get('traceparent');
    const span = startSpan(request.method, SpanKind.SERVER, given ?? null);
    const traceparent = span === null ? traceparentFor(given) : traceparentOfSpan(span);
    response.locals.traceparent = traceparent;
    response.locals.traceId = traceIdIn(traceparent);
    response.setHeader('X-Trace-Id', traceIdOf(response));
    response.once('close', () => {
      const attributes = {
        'http.request.method': request.method,
        'http.route': routeOf(request),
        'http.response.status_code': response.writableFinished
          ? response.statusCode
          : CALLER_LEFT_STATUS,
      };
      seconds.record((performance.now() - startedMs) / 1_000, attributes);
      if (span !== null) endRequestSpan(span, request, attributes);
    });
    next();
  };
}

/** The route's pattern, never the path: ids in it would make a time series each. */
function routeOf(request: Request): string {
  const route: unknown = request.route?.path;
  return typeof route === 'string' ? route : 'none';
}

function endRequestSpan(
  span: Span,
  request: Request,
  attributes: Attributes & { 'http.response.status_code': number },
): void {
  const status = attributes['http.response.status_code'];
  span.updateName(`${request.method} ${routeOf(request)}`);
  span.setAttributes({ ...attributes, 'url.path': request.path });
  endSpan(span, status >= 500 ? `status ${status}` : undefined);
}

function refuseUnread(request: Request, response: Response, problem: Problem): void {
  const isHttp = request.complete || problem.name === 'unsupportedMediaType';
  if (isHttp) closeUnlessShort(request, response);
  else closeAfterAnswer(request, response);
  sendProblem(response, problem);
}

function answerError(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = problemOfError(error);
    const { status } = PROBLEMS[problem.name];
    const where = { traceId: traceIdOf(response), method: request.method, path: request.path };
    // 500 is a bug that has to be corrected; a 503 passes by itself.
    if (status === 500) logger.error({ ...where, err: error }, messageOf(error));
    else if (status > 500) logger.warn({ ...where, reason: reasonOf(error) }, messageOf(error));
    sendProblem(response, problem);
  };
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : undefined;
}

function problemOfError(error: unknown): Problem {
  if (error instanceof AppError) {
    return error.retriable === true
      ? { name: 'storeUnavailable', retryAfterMs: 1_000 }
      : { name: 'internal' };
  }
  // express' own: a path with a broken percent sign.
  const { status } = (error ?? {}) as { status?: unknown };
  return { name: status === 400 ? 'unreadableRequest' : 'internal' };
}
