// A link that can be cut, stalled or slow: stands between a process under test and a real server.
// Connections are cut by `destroy`: `resetAndDestroy` leaves a socket that is shutting down open for ever.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  port: number;
  /** Ends every connection and refuses new ones, until `mend`. */
  cut(): void;
  /** Keeps every connection, takes new ones, and passes nothing on, until `mend`. */
  stall(): void;
  /** Passes on what clients send and keeps back what the server answers, until `mend`. */
  stallAnswers(): void;
  /** Passes everything on so many milliseconds later, each way, until `mend`. */
  slow(delayMs: number): void;
  mend(): void;
  /** Ends every connection; new ones go to this port of the same host. */
  lead(port: number): void;
  /** How many connections there are now. */
  connections(): number;
  close(): Promise<void>;
};

type State = 'open' | 'cut' | 'stalled' | 'answers stalled';

type Link = {
  host: string;
  port: number;
  state: State;
  delayMs: number;
  /** Of each connection, the sockets to the client and to the server. */
  pairs: Set<readonly [Socket, Socket]>;
};

/** A proxy on a free loopback port in front of `host:port`. */
export async function createTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const link: Link = { host, port, state: 'open', delayMs: 0, pairs: new Set() };
  const server = createServer((client) => accept(link, client));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const holdBack = (state: State): void => {
    link.state = state;
    for (const [client, upstream] of link.pairs) {
      keepBack(link, client, false);
      keepBack(link, upstream, true);
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      link.state = 'cut';
      destroyAll(link);
    },
    stall: () => holdBack('stalled'),
    stallAnswers: () => holdBack('answers stalled'),
    slow: (ms) => {
      link.delayMs = ms;
    },
    mend: () => {
      link.state = 'open';
      link.delayMs = 0;
      for (const pair of link.pairs) for (const socket of pair) socket.resume();
    },
    lead: (to) => {
      link.port = to;
      destroyAll(link);
    },
    connections: () => link.pairs.size,
    close: () => {
      destroyAll(link);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function accept(link: Link, client: Socket): void {
  if (link.state === 'cut') {
    client.on('error', () => undefined);
    client.destroy();
    return;
  }
  const upstream = connect(link.port, link.host);
  const pair = [client, upstream] as const;
  link.pairs.add(pair);
  passOn(link, client, upstream, false);
  passOn(link, upstream, client, true);
  for (const [from, to] of [pair, [upstream, client] as const]) {
    from.on('close', () => {
      link.pairs.delete(pair);
      to.destroy();
    });
  }
}

function keepBack({ state }: Link, from: Socket, isServer: boolean): void {
  if (state === 'stalled' || (state === 'answers stalled' && isServer)) from.pause();
}

function passOn(link: Link, from: Socket, to: Socket, isServer: boolean): void {
  // In one line: timers of different lengths would let bytes overtake others, which TCP never does.
  const line: { chunk: Buffer | 'end'; dueMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const write = (chunk: Buffer): void => {
    if (to.destroyed || to.write(chunk)) return;
    from.pause();
    to.once('drain', () => {
      from.resume();
      keepBack(link, from, isServer);
    });
  };
  const passDue = (): void => {
    timer = undefined;
    for (let next = line[0]; next !== undefined; next = line[0]) {
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        timer = setTimeout(passDue, leftMs);
        return;
      }
      line.shift();
      if (next.chunk === 'end') to.end();
      else write(next.chunk);
    }
  };
  const take = (chunk: Buffer | 'end'): void => {
    line.push({ chunk, dueMs: performance.now() + link.delayMs });
    if (timer === undefined) passDue();
  };
  from.on('data', take);
  from.on('end', () => take('end'));
  from.on('error', () => to.destroy());
  keepBack(link, from, isServer);
}

// Not by a reset: of a connection that its client has left already it fails, and Node then keeps the
// handle, and with it the process, for ever.
function destroyAll({ pairs }: Link): void {
  for (const pair of pairs) for (const socket of pair) socket.destroy();
}
