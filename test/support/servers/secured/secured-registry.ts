// The real registry of this test run behind a proxy of ours that takes https and a login only: a registry
// that checks logins itself would need a server of identities beside it.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { addressOf } from '../../system/addresses.ts';
import type { Certificates } from './certificates.ts';

/** Starts it on all loopback addresses. @returns its port, the path of the API, and how to end it */
export async function startSecuredRegistry(
  { certificate, key }: Certificates,
  { user, password }: { user: string; password: string },
): Promise<{ port: number; path: string; close(): Promise<void> }> {
  const target = new URL(addressOf('SCHEMA_REGISTRY_URL'));
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
  const server = createServer(tls, (incoming, outgoing) => {
    const { authorization, ...headers } = incoming.headers;
    if (authorization !== wanted) {
      outgoing
        .writeHead(401, { 'Content-Type': 'application/json' })
        .end('{"message":"who are you?"}');
      return;
    }
    const { method, url: path } = incoming;
    const onward = { host: target.hostname, port: target.port, method, path, headers };
    const forwarded = request(onward, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    path: target.pathname,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
