// Listening, and closing without losing a request.
import {
  createServer,
  type IncomingMessage,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import type { Express } from 'express';
import type { Problem } from '../contracts/problems.ts';
import { isEnding } from './close-after-answer.ts';
import { answerRefusals, turnAway } from './turn-away.ts';

export type HttpServer = {
  port: number;
  /**
   * Takes no new connection, answers what is under way and what is still sent on open connections,
   * ends idle connections, and after a while those on which a request was begun and not sent, then resolves.
   */
  close(): Promise<void>;
};

/**
 * Asked before anything else is done for a request: a problem is its answer, and it stays unread. Under
 * overload that leaves the time to the requests that were admitted.
 */
export type ShedLoad = (request: IncomingMessage) => Problem | null;

/** For how long a connection may be idle, and what a client has for a request's head and for all of it, in ms. */
export type RequestTimeouts = {
  keepAliveTimeout: number;
  headersTimeout: number;
  requestTimeout: number;
  /** How often node:http looks whether the last two have passed. */
  connectionsCheckingInterval: number;
};

const TIMEOUTS: RequestTimeouts = {
  keepAliveTimeout: 65_000,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
};

/** Said here, so that no option of the process (NODE_OPTIONS) says otherwise. */
const STRICT = {
  insecureHTTPParser: false,
  maxHeaderSize: 16_384,
  // request-head.ts looks at Host, and sees every field that came twice.
  requireHostHeader: false,
  joinDuplicateHeaders: true,
} as const satisfies ServerOptions;

/**
 * For so long after `close`, in milliseconds, an idle connection stays open: what its client was
 * just sending is answered, with `Connection: close`, instead of being met by a reset.
 */
const IDLE_GRACE_MS = 1_000;
const IDLE_CHECK_MS = 50;
/** A request that is not sent to its end so long after `close` gets no answer: nothing was accepted. */
const UNSENT_GRACE_MS = 5_000;

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
  timeouts: RequestTimeouts = TIMEOUTS,
): Promise<HttpServer> {
  const sockets = new Set<Socket>();
  const underWay = new Set<ServerResponse>();
  let closing = false;
  const newest = new WeakMap<Duplex, ServerResponse>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (isEnding(request.socket)) return;
    underWay.add(response);
    newest.set(request.socket, response);
    response.once('close', () => underWay.delete(response));
    if (closing) response.setHeader('Connection', 'close');
    const problem = shedLoad(request);
    if (problem === null) app(request, response);
    else turnAway(request, response, problem);
  };
  const server = createServer({ ...STRICT, ...timeouts }, answer);
  // Both are answered by the app, with a problem if need be, like everything else.
  server.on('checkContinue', answer);
  server.on('checkExpectation', answer);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  answerRefusals(server, underWay, (socket) => newest.get(socket));
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
      const unsentUntilMs = performance.now() + UNSENT_GRACE_MS;
      for (const response of underWay) {
        if (!response.headersSent) response.setHeader('Connection', 'close');
      }
      // http.Server.close would end idle connections at once, and lose what is on its way to them.
      return closeGently(
        () => promisify(NetServer.prototype.close).call(server),
        () => endIdle(sockets, performance.now() < unsentUntilMs ? underWay : sentOf(underWay)),
      );
    },
  };
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

function sentOf(underWay: Iterable<ServerResponse>): ServerResponse[] {
  return [...underWay].filter(({ req }) => req.complete);
}

// Also those that never sent anything, which http.Server.closeIdleConnections takes for busy.
function endIdle(sockets: Iterable<Socket>, underWay: Iterable<ServerResponse>): void {
  const busy = new Set([...underWay].map(({ socket }) => socket));
  for (const socket of sockets) {
    if (!busy.has(socket)) socket.destroy();
  }
}
