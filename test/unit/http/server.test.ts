// Closing without losing a request.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { waitUntil } from '../../support/wait-until.ts';
import { startTestServer } from './test-server.ts';

/** One GET over a kept connection. */
async function get(agent: Agent, url: string) {
  const sent = request(url, { agent });
  sent.end();
  const [response] = await once(sent, 'response');
  return { connection: response.headers.connection, body: await text(response) };
}

describe('A server that closes', () => {
  it('answers what is under way, and asks the client to close the connection', async () => {
    const slow = Promise.withResolvers<void>();
    const server = await startTestServer({ slow: slow.promise });
    const agent = new Agent({ keepAlive: true });
    const answer = get(agent, `${server.url}/slow`);
    await waitUntil('the request is under way', () => Object.keys(agent.sockets).length > 0);
    await get(agent, `${server.url}/named/x`);
    const closed = server.close();
    slow.resolve();
    expect(await answer).to.deep.equal({ connection: 'close', body: '{"done":true}' });
    await closed;
    agent.destroy();
  });

  it('answers what was sent on an open connection a moment too late', async () => {
    const server = await startTestServer();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await get(agent, `${server.url}/named/a`)).connection).to.equal('keep-alive');
    const closed = server.close();
    expect(await get(agent, `${server.url}/named/b`)).to.deep.equal({
      connection: 'close',
      body: '{"name":"b"}',
    });
    await closed;
    agent.destroy();
  });

  it('takes no new connection', async () => {
    const server = await startTestServer();
    await server.close();
    const socket = connect(server.port, '127.0.0.1');
    const [error] = await once(socket, 'error');
    expect(error).to.have.property('code', 'ECONNREFUSED');
  });

  it('does not wait for clients that have nothing to say', async () => {
    const server = await startTestServer();
    const agent = new Agent({ keepAlive: true });
    await get(agent, `${server.url}/named/x`);
    const silent = connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const startedMs = performance.now();
    await server.close();
    expect(performance.now() - startedMs).to.be.below(20_000);
    silent.destroy();
    agent.destroy();
  });
});

describe('A server that sheds load', () => {
  it('turns them away unread, with a problem and the trace of the caller, and lets the others in', async () => {
    const server = await startTestServer({
      shedLoad: ({ method }) =>
        method === 'POST' ? { name: 'overloaded', retryAfterMs: 1_200 } : null,
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const traceId = 'ab'.repeat(16);
      const answer = await fetch(`${server.url}/echo`, {
        method: 'POST',
        headers: { traceparent: `00-${traceId}-${'c'.repeat(16)}-01` },
        body: 'no JSON, '.repeat(10_000),
      });
      expect(answer.status).to.equal(503);
      expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
      expect(answer.headers.get('retry-after')).to.equal('2');
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      expect(answer.headers.get('x-trace-id')).to.equal(traceId);
      expect(await answer.json()).to.include({ code: 'Coupon-0013', retryAfterMs: 1_200, traceId });

      // The body that nobody read does not stand in the way of what comes next on its connection.
      const sent = request(`${server.url}/echo`, { agent, method: 'POST' });
      sent.end('{"a":1}'.repeat(100));
      const [turnedAway] = await once(sent, 'response');
      await text(turnedAway);
      expect(turnedAway.headers['x-trace-id']).to.match(/^[0-9a-f]{32}$/);
      expect((await get(agent, `${server.url}/named/x`)).body).to.equal('{"name":"x"}');
    } finally {
      agent.destroy();
      await server.close();
    }
  });
});

describe('A server that cannot listen', () => {
  it('fails with the reason', async () => {
    const { listen } = await import('../../../http/server.ts');
    const { default: express } = await import('express');
    const server = await startTestServer();
    const failure = await listen(express(), '127.0.0.1', server.port).catch((error) => error);
    await server.close();
    expect(failure).to.have.property('code', 'EADDRINUSE');
  });
});
