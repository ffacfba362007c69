import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { expect } from 'chai';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NUMBERS = 2_000;

describe('A link', () => {
  let server: Server;
  let proxy: TcpProxy;
  let client: Socket;
  let received: string;

  beforeEach(async () => {
    received = '';
    server = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await createTcpProxy('127.0.0.1', (server.address() as AddressInfo).port);
    client = connect(proxy.port, '127.0.0.1');
    client.setNoDelay(true);
    await once(client, 'connect');
  });
  afterEach(async () => {
    client.destroy();
    await proxy.close();
    server.close();
  });

  /** Sends numbers in chunks of their own, a few each millisecond, and waits until all have come. */
  const sendNumbers = async (before: (nth: number) => void): Promise<string> => {
    let sent = '';
    for (let nth = 0; nth < NUMBERS; nth += 1) {
      before(nth);
      sent += `${nth} `;
      client.write(`${nth} `);
      await (nth % 50 === 0 ? wait(1) : nextTurn());
    }
    await waitUntil('all has come', () => received.length === sent.length);
    return sent;
  };

  it('lets nothing overtake what came before, however slow it is', async () => {
    proxy.slow(20);
    const sent = await sendNumbers(() => undefined);
    expect(received === sent).to.equal(true);
  });

  it('lets nothing overtake what came before when it becomes slower and faster', async () => {
    const sent = await sendNumbers((nth) => {
      if (nth % 200 === 0) proxy.slow(20);
      if (nth % 200 === 100) proxy.mend();
    });
    expect(received === sent).to.equal(true);
  });
});
