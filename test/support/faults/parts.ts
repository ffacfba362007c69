// The servers of a stack, to be killed, frozen and brought back: by whoever has started them, or from
// another process, such as mocha's.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stack } from '../../../stack/stack.ts';

export type Parts = {
  /** Holds data/ and logs/ of the servers. */
  folder: string;
  /** Sends a signal to a server (kafka-1, redis, …); when it ends that server, waits for the end. */
  signal(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Starts a server again; resolves when it serves. */
  start(name: string): Promise<void>;
};

const DEADLY: readonly string[] = ['SIGKILL', 'SIGTERM'];

/** The servers of a stack that this process has started without `restart`. */
export function partsOf(stack: Stack, folder: string): Parts {
  return {
    folder,
    signal: async (name, signal) => {
      const server = stack.process(name);
      server.kill(signal);
      if (DEADLY.includes(signal)) await server.exited;
    },
    start: (name) => stack.process(name).start(),
  };
}

/** Lets another process do the same at an address of its own. @returns that address, and its end */
export async function serveParts(parts: Parts): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const [, name = '', verb = ''] = (request.url ?? '').split('/');
    try {
      if (verb === 'start') await parts.start(name);
      else await parts.signal(name, verb as NodeJS.Signals);
      response.end();
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The servers at this address of another process. */
export function remoteParts(url: string, folder: string): Parts {
  const ask = async (path: string): Promise<void> => {
    const answer = await fetch(`${url}/${path}`, { method: 'POST' });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${text}`);
  };
  return {
    folder,
    signal: (name, signal) => ask(`${name}/${signal}`),
    start: (name) => ask(`${name}/start`),
  };
}
