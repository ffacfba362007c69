// Listening, and closing without losing a request.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';

export type HttpServer = {
  port: number;
  /** Takes no new connection, answers what is under way, ends idle connections, then resolves. */
  close(): Promise<void>;
};

/**
 * Listens on host and port (0: a free one). From `close` on, every answer says `Connection: close`,
 * so that clients that keep connections move on by themselves.
 */
export async function listen(app: Express, host: string, port: number): Promise<HttpServer> {
  let closing = false;
  const server: Server = createServer((request, response) => {
    if (closing) response.setHeader('Connection', 'close');
    app(request, response);
  });
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 20_000;
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 1_024, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve, reject) => {
        closing = true;
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeIdleConnections();
      }),
  };
}
