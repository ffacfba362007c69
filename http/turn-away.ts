// Problems that are answered outside of the app: to requests that it does not get, and to bytes that are no
// request.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PROBLEMS, type Problem, problemBody } from '../contracts/problems.ts';
import { closeAfterAnswer, closeUnlessShort, lingerAndClose } from './close-after-answer.ts';
import { traceIdIn, traceparentFor } from './traceparent.ts';

/** Answers a request that the app does not get. */
export function turnAway(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
): void {
  const { traceparent: given } = request.headers;
  const named = response.getHeader('X-Trace-Id');
  const traceId = String(
    named ?? traceIdIn(traceparentFor(typeof given === 'string' ? given : undefined)),
  );
  const body = problemBody(problem, traceId);
  closeUnlessShort(request, response);
  response.writeHead(PROBLEMS[problem.name].status, {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Trace-Id': traceId,
    ...(problem.retryAfterMs === undefined
      ? {}
      : { 'Retry-After': Math.ceil(problem.retryAfterMs / 1_000) }),
  });
  response.end(body);
}

/**
 * Answers what node:http refuses, each with a problem, in the order of the requests of its connection, which
 * ends then: bytes that are no request, requests that do not arrive in time, and CONNECT.
 * `underWay`: the answers that were not given yet; `newest`: the newest answer of a connection, given or not.
 */
export function answerRefusals(
  server: Server,
  underWay: ReadonlySet<ServerResponse>,
  newest: (socket: Duplex) => ServerResponse | undefined,
): void {
  const refused = new WeakSet<Duplex>();
  const refuse = (socket: Socket, problem: Problem): void => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    // Whatever still comes is no request either.
    if (refused.has(socket)) return;
    refused.add(socket);
    const response = newest(socket);
    if (response !== undefined && !response.req.complete) refuseUnread(response, problem);
    // The answers before it come first.
    else if (response !== undefined && underWay.has(response)) {
      response.once('close', () => writeProblem(socket, problem));
    } else writeProblem(socket, problem);
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuse(socket as Socket, problemOfClientError(error.code)),
  );
  server.on('connect', ({ method }, socket) => {
    // node:http has let go of the connection: unheard, an error of it would end the process.
    socket.on('error', () => socket.destroy());
    refuse(socket as Socket, { name: 'notImplemented', detail: `${method} is not known here` });
  });
}

// The fault is in the body of this request.
function refuseUnread(response: ServerResponse, problem: Problem): void {
  const { req: request } = response;
  // It was answered already.
  if (response.headersSent) {
    request.socket.destroy();
    return;
  }
  closeAfterAnswer(request, response);
  turnAway(request, response, problem);
}

function problemOfClientError(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { name: 'headersTooLarge' };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { name: 'bodyTooLarge' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { name: 'requestTimeout' };
    default:
      return { name: 'unreadableRequest' };
  }
}

function writeProblem(socket: Socket, problem: Problem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, title } = PROBLEMS[problem.name];
  const traceId = randomBytes(16).toString('hex');
  const body = problemBody(problem, traceId);
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `X-Trace-Id: ${traceId}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  lingerAndClose(socket);
}
