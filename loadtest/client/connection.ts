// One keep-alive connection of the load generator; it opens itself when it is needed.
import { connect, type Socket } from 'node:net';
import { createResponseParser, type HttpResponse } from './response-parser.ts';

/** What came of a request. `failed`: it may or may not have arrived; `connection refused`: it did not. */
export type Exchange =
  | { kind: 'answered'; answer: HttpResponse }
  | {
      kind: 'failed';
      reason: 'connection refused' | 'connection lost' | 'timeout' | 'broken answer';
    };

export type Connection = {
  /** Sends a whole request (ASCII) and waits for its answer; one at a time. Never throws. */
  exchange(request: string): Promise<Exchange>;
  close(): void;
};

/** A connection that is not open yet. `timeoutMs`: silence that long is a failure. */
export function createConnection(
  { host, port }: { host: string; port: number },
  timeoutMs: number,
): Connection {
  let socket: Socket | null = null;
  let resolveExchange: ((exchange: Exchange) => void) | null = null;

  const finish = (exchange: Exchange): void => {
    const waiting = resolveExchange;
    resolveExchange = null;
    waiting?.(exchange);
  };

  const open = (): Socket => {
    const opened = connect({ host, port, noDelay: true });
    const reader = createResponseParser();
    // Whatever ends this socket, the next request gets a new one; the reason is the first one given.
    const abandon = (reason: (Exchange & { kind: 'failed' })['reason']): void => {
      if (socket !== opened) return;
      socket = null;
      opened.destroy();
      finish({ kind: 'failed', reason });
    };
    opened.setTimeout(timeoutMs, () => abandon('timeout'));
    opened.on('error', ({ code }: NodeJS.ErrnoException) =>
      abandon(code === 'ECONNREFUSED' ? 'connection refused' : 'connection lost'),
    );
    opened.on('close', () => abandon('connection lost'));
    opened.on('data', (bytes: Buffer) => {
      const answer = reader.take(bytes.toString('latin1'));
      if (answer === null) return;
      if (answer === 'broken' || resolveExchange === null) return abandon('broken answer');
      if (answer.closes) {
        socket = null;
        opened.destroy();
      }
      finish({ kind: 'answered', answer });
    });
    return opened;
  };

  return {
    exchange: (request) =>
      new Promise((resolve) => {
        resolveExchange = resolve;
        socket ??= open();
        socket.write(request, 'latin1');
      }),
    close: () => {
      socket?.destroy();
      socket = null;
    },
  };
}
