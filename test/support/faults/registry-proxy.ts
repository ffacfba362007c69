// A way to the real registry that counts the requests and can be closed: the registry "goes away"
// for one test only.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addressOf } from '../system/addresses.ts';

export type RegistryProxy = {
  /** The registry's address by way of the proxy. */
  url: string;
  /** `GET /schemas/ids/7` and so on, in order. */
  requests: string[];
  /** From now on connections are refused. */
  close(): Promise<void>;
};

/** Starts a proxy on a free port. */
export async function startRegistryProxy(): Promise<RegistryProxy> {
  const target = new URL(addressOf('SCHEMA_REGISTRY_URL'));
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url?.slice(target.pathname.length)}`);
    forward(target, incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers, url: path } = incoming;
  const options = { host: target.hostname, port: target.port, method, path, headers };
  const forwarded = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  incoming.pipe(forwarded);
}
