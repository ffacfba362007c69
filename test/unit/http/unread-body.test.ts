// Bodies that are too large are refused before they have come, and their senders can read why.
import { connect } from 'node:net';
import { expect } from 'chai';
import { readRawAnswer, sendRaw } from '../../support/system/raw-http.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const HEAD = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const TOO_LARGE = { status: 413, code: 'Coupon-0019', closes: true, answers: 1 };
const MEGABYTE = Buffer.alloc(1_024 * 1_024, ' ');

/** Sends a head and then `megabytes`, reading nothing until all of it is sent; gives what came back. */
async function sendThenRead(port: number, head: string, megabytes: number) {
  const socket = connect(port, '127.0.0.1');
  const failures: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => failures.push(error.code ?? ''));
  socket.pause();
  socket.write(head);
  for (let sent = 0; sent < megabytes; sent += 1) {
    if (!socket.write(MEGABYTE)) {
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', resolve);
      });
    }
  }
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return { received, failures };
}

describe('A body that is too large', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('is refused by its length, before any of it has come', async () => {
    const received = await sendRaw(server.port, `${HEAD}Content-Length: 100000000000\r\n\r\n`);
    expect(readRawAnswer(received)).to.include(TOO_LARGE);
  });

  it('is refused by its length when it is only a little too large', async () => {
    const received = await sendRaw(server.port, `${HEAD}Content-Length: 1025\r\n\r\n{`);
    expect(readRawAnswer(received)).to.include(TOO_LARGE);
  });

  it('is refused at its limit when it comes in chunks, and its end is not waited for', async () => {
    const chunk = `100\r\n${' '.repeat(256)}\r\n`;
    const head = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
    const received = await sendRaw(server.port, head + chunk.repeat(5));
    expect(readRawAnswer(received)).to.include(TOO_LARGE);
  });

  it('does not cost its sender the answer, when it is sent whole before anything is read', async () => {
    const { received, failures } = await sendThenRead(
      server.port,
      `${HEAD}Content-Length: ${2 * MEGABYTE.length}\r\n\r\n`,
      2,
    );
    expect(failures).to.deep.equal([]);
    expect(readRawAnswer(received)).to.include(TOO_LARGE);
  });

  it('gets the same answer through fetch', async () => {
    const response = await fetch(`${server.url}/echo`, {
      method: 'POST',
      body: Buffer.alloc(2_000_000, ' '),
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).to.equal(413);
    expect(response.headers.get('connection')).to.equal('close');
  });

  it('is not read for ever: who goes on sending is cut off', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`${HEAD}Content-Length: 100000000000\r\n\r\n`);
    while (!socket.destroyed) {
      const more = socket.write(MEGABYTE);
      await new Promise((resolve) =>
        more ? setImmediate(resolve) : socket.once('drain', resolve).once('close', resolve),
      );
    }
    expect(socket.bytesWritten).to.be.below(100 * MEGABYTE.length);
  });

  it('is not read by a server that sheds load', async () => {
    const shedding = await startTestServer({ shedLoad: () => ({ name: 'overloaded' }) });
    const received = await sendRaw(shedding.port, `${HEAD}Content-Length: 100000000000\r\n\r\n`);
    await shedding.close();
    expect(readRawAnswer(received)).to.include({ status: 503, closes: true, answers: 1 });
  });
});

describe('A request that does not arrive', () => {
  const timeouts = {
    keepAliveTimeout: 5_000,
    headersTimeout: 100,
    requestTimeout: 200,
    connectionsCheckingInterval: 50,
  };

  for (const [what, request] of [
    ['its head', 'GET /named/x HTTP/1.1\r\nHost: x\r\n'],
    ['its body', `${HEAD}Content-Length: 10\r\n\r\n{`],
    ['its chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`],
  ] as const) {
    it(`with ${what} in time is answered with a problem`, async () => {
      const server = await startTestServer({ timeouts });
      const answer = readRawAnswer(await sendRaw(server.port, request));
      await server.close();
      expect(answer).to.include({ status: 408, code: 'Coupon-0027', closes: true, answers: 1 });
    });
  }

  it('is not answered twice when it was answered before its body came', async () => {
    const server = await startTestServer({ timeouts });
    const request = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n`;
    const answer = readRawAnswer(await sendRaw(server.port, request));
    await server.close();
    expect(answer).to.include({ status: 415, answers: 1 });
  });
});
