// A wire that can be cut or stalled: stands between a process under test and a real server.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  port: number;
  /** Ends every connection and refuses new ones, until `mend`. */
  cut(): void;
  /** Keeps every connection, takes new ones, and passes nothing on, until `mend`. */
  stall(): void;
  /** Passes on what clients send and keeps back what the server answers, until `mend`. */
  stallAnswers(): void;
  mend(): void;
  /** How many connections there are now. */
  connections(): number;
  close(): Promise<void>;
};

/** A proxy on a free loopback port in front of `host:port`. */
export async function createTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: 'open' | 'cut' | 'stalled' | 'answers stalled' = 'open';

  const server = createServer((client) => {
    if (state === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(port, host);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
      from.pipe(to);
      if (state === 'stalled' || (state === 'answers stalled' && from === upstream)) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const destroyAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  };
  const eachSocket = (act: (socket: Socket) => void): void => {
    for (const pair of pairs) pair.forEach(act);
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      state = 'cut';
      destroyAll();
    },
    stall: () => {
      state = 'stalled';
      eachSocket((socket) => socket.pause());
    },
    stallAnswers: () => {
      state = 'answers stalled';
      for (const [, upstream] of pairs) upstream.pause();
    },
    mend: () => {
      state = 'open';
      eachSocket((socket) => socket.resume());
    },
    connections: () => pairs.size,
    close: () => {
      // No resets here: one of a connection that is gone already fails and keeps the process alive.
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
