// Listening, and closing without losing a request.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import type { Express } from 'express';
import { PROBLEMS, type Problem, type ProblemName, problemBody } from '../contracts/problems.ts';
import { traceIdIn, traceparentFor } from './traceparent.ts';

export type HttpServer = {
  port: number;
  /**
   * Takes no new connection, answers what is under way and what is still sent on open connections,
   * ends idle connections, then resolves.
   */
  close(): Promise<void>;
};

/**
 * Asked before anything else is done for a request: a problem is its answer, and it stays unread. Under
 * overload that leaves the time to the requests that were admitted.
 */
export type ShedLoad = (request: IncomingMessage) => Problem | null;

/**
 * For so long after `close`, in milliseconds, an idle connection stays open: what its client was
 * just sending is answered, with `Connection: close`, instead of being met by a reset.
 */
const IDLE_GRACE_MS = 500;
const IDLE_CHECK_MS = 50;

/**
 * Listens on host and port (0: a free one). From `close` on, every answer says `Connection: close`,
 * so that clients that keep connections move on by themselves. Bytes that are no HTTP request get a
 * problem like everything else.
 */
export async function listen(
  app: Express,
  host: string,
  port: number,
  shedLoad: ShedLoad = () => null,
): Promise<HttpServer> {
  const sockets = new Set<Socket>();
  const underWay = new Set<ServerResponse>();
  let closing = false;
  const server = createServer((request, response) => {
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    if (closing) response.setHeader('Connection', 'close');
    const problem = shedLoad(request);
    if (problem === null) app(request, response);
    else turnAway(request, response, problem);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 20_000;
  server.requestTimeout = 30_000;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answered = [...underWay].some((one) => one.socket === socket && one.headersSent);
    if (socket.writable && !answered) refuse(socket, problemOfClientError(error.code));
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 1_024, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing = true;
      for (const response of underWay) {
        if (!response.headersSent) response.setHeader('Connection', 'close');
      }
      // http.Server.close would end idle connections at once, and lose what is on its way to them.
      return closeGently(
        () => promisify(NetServer.prototype.close).call(server),
        () => endIdle(sockets, underWay),
      );
    },
  };
}

function turnAway(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const given = request.headers.traceparent;
  const traceId = traceIdIn(traceparentFor(typeof given === 'string' ? given : undefined));
  const body = problemBody(problem, traceId);
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

async function closeGently(close: () => Promise<void>, end: () => void): Promise<void> {
  let checks: NodeJS.Timeout | undefined;
  const grace = setTimeout(() => {
    end();
    checks = setInterval(end, IDLE_CHECK_MS);
  }, IDLE_GRACE_MS);
  try {
    await close();
  } finally {
    clearTimeout(grace);
    clearInterval(checks);
  }
}

// Also those that never sent anything, which http.Server.closeIdleConnections takes for busy.
function endIdle(sockets: Iterable<Socket>, underWay: Iterable<ServerResponse>): void {
  const busy = new Set([...underWay].map(({ socket }) => socket));
  for (const socket of sockets) {
    if (!busy.has(socket)) socket.destroy();
  }
}

function problemOfClientError(code: string | undefined): ProblemName {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headersTooLarge';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'requestTimeout' : 'unreadableRequest';
}

function refuse(socket: Duplex, name: ProblemName): void {
  const traceId = randomBytes(16).toString('hex');
  const body = problemBody({ name }, traceId);
  const head = [
    `HTTP/1.1 ${PROBLEMS[name].status} ${PROBLEMS[name].title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `X-Trace-Id: ${traceId}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
}
