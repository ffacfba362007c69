// Against small real servers that misbehave in one way each.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { RushProgress } from '../../../loadtest/report/tally.ts';
import { type RushOptions, runRush } from '../../../loadtest/scenarios/rush.ts';

/** One assign request as a server sees it; `attempt` counts the requests with this key, from 0. */
type Asked = { userId: string; key: string; attempt: number; request: IncomingMessage };
type Behaviour = (asked: Asked, response: ServerResponse, stock: Stock) => void;

describe('a rush', () => {
  const servers: SmallServer[] = [];

  const serve = async (quantity: number, behave: Behaviour): Promise<SmallServer> => {
    const server = await startServer(quantity, behave);
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('asks each user once, in no order, each with a key of their own', async () => {
    const server = await serve(100, answer);
    const { result, ledger } = await rush(server, { users: 300, quantity: 100, connections: 20 });
    expect(server.asked).to.have.length(300);
    expect(new Set(server.asked.map(({ userId }) => userId)).size).to.equal(300);
    expect(new Set(server.asked.map(({ key }) => key)).size).to.equal(300);
    const users = server.asked.map(({ userId }) => userId);
    expect(users).to.not.deep.equal([...users].sort(byNumber));
    expect(result.accepted).to.equal(100);
    expect(result.refused).to.deep.equal({ 'Coupon-0006 Sold out': 200 });
    expect(result.unanswered).to.deep.equal({});
    expect(result.repeats).to.deep.equal({});
    expect(result.notAsked).to.equal(0);
    expect(result.acceptedAlone?.count).to.equal(100);
    expect(result.refusedAlone?.count).to.equal(200);
    expect(ledger.accepted).to.have.length(100);
    expect(ledger.unknownUsers.size).to.equal(0);
  });

  it('keeps its connections', async () => {
    const server = await serve(1_000, answer);
    await rush(server, { users: 500, connections: 8 });
    // One more for the creation of the coupon.
    expect(server.connections()).to.be.at.most(9);
  });

  it('asks again with the same key after a 503, as late as it says', async () => {
    const server = await serve(50, (asked, response, stock) => {
      if (asked.attempt > 0) return answer(asked, response, stock);
      sendProblem(response, 503, {
        code: 'Coupon-0012',
        title: 'Outcome unknown',
        retryAfterMs: 40,
      });
    });
    const { result } = await rush(server, { users: 50, quantity: 50, connections: 10 });
    expect(result.accepted).to.equal(50);
    expect(result.repeats).to.deep.equal({ 'Coupon-0012 Outcome unknown': 50 });
    expect(new Set(server.asked.map(({ key }) => key)).size).to.equal(50);
    expect(result.acceptedWhole?.p50)
      .to.be.at.least(39)
      .and.above(result.acceptedAlone?.p50 ?? 0);
  });

  it('asks again with the same key after a reset, and counts the replayed answer', async () => {
    const server = await serve(50, (asked, response, stock) => {
      // The unit is given, and the answer gets lost.
      if (asked.attempt === 0) {
        stock.give(asked);
        asked.request.socket.resetAndDestroy();
        return;
      }
      answer(asked, response, stock);
    });
    const { result, ledger } = await rush(server, { users: 30, quantity: 50, connections: 5 });
    expect(result.accepted).to.equal(30);
    expect(result.replayed).to.equal(30);
    expect(result.repeats).to.deep.equal({ 'connection lost': 30 });
    expect(new Set(ledger.accepted.map(({ assignmentId }) => assignmentId)).size).to.equal(30);
  });

  it('asks again after silence, on a new connection', async () => {
    const server = await serve(50, (asked, response, stock) => {
      if (asked.attempt > 0) answer(asked, response, stock);
    });
    const { result } = await rush(server, { users: 4, connections: 4, timeoutMs: 1_500 });
    expect(result.accepted).to.equal(4);
    expect(result.repeats).to.deep.equal({ timeout: 4 });
  });

  it('goes on when the server closes after an answer', async () => {
    const server = await serve(50, (asked, response, stock) => {
      response.setHeader('Connection', 'close');
      answer(asked, response, stock);
    });
    const { result } = await rush(server, { users: 20, connections: 2 });
    expect(result.accepted).to.equal(20);
    expect(result.repeats).to.deep.equal({});
  });

  it('leaves users unanswered when the deadline comes, and says who was not asked', async () => {
    const server = await serve(50, (_asked, response) => {
      sendProblem(response, 503, { code: 'Coupon-0013', title: 'Overloaded', retryAfterMs: 50 });
    });
    const { result, ledger } = await rush(server, { users: 10, connections: 3, deadlineMs: 1_000 });
    expect(result.accepted).to.equal(0);
    expect(result.acceptedAlone).to.equal(null);
    expect(result.acceptedPerSecond).to.equal(0);
    expect(result.answersPerSecond).to.equal(0);
    expect(result.unanswered).to.deep.equal({ 'Coupon-0013 Overloaded': 3 });
    expect(result.notAsked).to.equal(7);
    expect(ledger.unknownUsers.size).to.equal(3);
  });

  it('does not ask again after a 500, and does not know what happened', async () => {
    const server = await serve(50, (_asked, response) => {
      sendProblem(response, 500, { code: 'Coupon-0024', title: 'Internal error' });
    });
    const { result, ledger } = await rush(server, { users: 5, connections: 2 });
    expect(result.unanswered).to.deep.equal({ 'Coupon-0024 Internal error': 5 });
    expect(server.asked).to.have.length(5);
    expect(ledger.unknownUsers.size).to.equal(5);
  });

  it('with a rate sends users when they come, and counts their wait from then', async () => {
    let slow = true;
    const server = await serve(1_000, (asked, response, stock) => {
      if (!slow) return answer(asked, response, stock);
      slow = false;
      setTimeout(() => answer(asked, response, stock), 150);
    });
    const { result } = await rush(server, { users: 40, connections: 1, rate: 200 });
    expect(result.accepted).to.equal(40);
    // The first holds the only connection for 150 ms; the others' requests are quick, their waits are not.
    expect(result.acceptedWhole?.p50).to.be.above(result.acceptedAlone?.p50 ?? 0);
    // A timer may come a millisecond early.
    expect(result.seconds).to.be.at.least(39 / 200 - 0.005);
  });

  it('stops asking when the signal comes', async () => {
    const stopped = new AbortController();
    const server = await serve(1_000, (asked, response, stock) => {
      if (asked.userId !== '') stopped.abort();
      answer(asked, response, stock);
    });
    const { result } = await rush(server, {
      users: 100,
      connections: 2,
      signal: stopped.signal,
    });
    expect(result.accepted).to.be.within(1, 2);
    expect(result.notAsked).to.equal(100 - result.accepted);
  });

  it('reports how far it is, the last time when it is over', async () => {
    const server = await serve(10, answer);
    const reports: RushProgress[] = [];
    await rush(server, {
      users: 30,
      quantity: 10,
      connections: 3,
      report: (progress) => reports.push(progress),
    });
    expect(reports.at(-1)).to.include({ users: 30, accepted: 10, refused: 20, repeats: 0 });
  });

  it('fails when the coupon is refused', async () => {
    const server = await serve(-1, answer);
    const failure = await rush(server, { users: 1 }).catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('message').that.includes('Coupon-0002');
  });
});

type SmallServer = {
  url: string;
  asked: Asked[];
  connections(): number;
  close(): Promise<void>;
};

/** What a small server has given, by the key it was asked with. */
type Stock = { give(asked: Asked): { body: object; replayed: boolean } | null };

function rush(server: SmallServer, options: Partial<RushOptions>): ReturnType<typeof runRush> {
  return runRush({
    commandApiUrl: server.url,
    quantity: 1_000,
    users: 10,
    connections: 5,
    rate: null,
    timeoutMs: 5_000,
    deadlineMs: 20_000,
    ledgerFile: null,
    report: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });
}

function answer(asked: Asked, response: ServerResponse, stock: Stock): void {
  const given = stock.give(asked);
  if (given === null) {
    sendProblem(response, 409, { code: 'Coupon-0006', title: 'Sold out' });
    return;
  }
  if (given.replayed) response.setHeader('Idempotency-Replayed', 'true');
  response.writeHead(201, { 'content-type': 'application/json' });
  response.end(JSON.stringify(given.body));
}

function sendProblem(response: ServerResponse, status: number, problem: object): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ status, ...problem }));
}

async function startServer(quantity: number, behave: Behaviour): Promise<SmallServer> {
  const asked: Asked[] = [];
  const given = new Map<string, object>();
  let connections = 0;
  const stock: Stock = {
    give: ({ key, userId }) => {
      const before = given.get(key);
      if (before !== undefined) return { body: before, replayed: true };
      if (given.size >= quantity) return null;
      const body = {
        assignmentId: randomUUID(),
        userId,
        sequence: given.size + 1,
        assignedAt: new Date().toISOString(),
      };
      given.set(key, body);
      return { body, replayed: false };
    },
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (request.url === '/base/coupons') {
      if (quantity < 0) return sendProblem(response, 400, { code: 'Coupon-0002' });
      response.writeHead(201).end(JSON.stringify({ id: 'the-coupon' }));
      return;
    }
    expect(request.url).to.equal('/base/coupons/the-coupon/assign');
    const key = String(request.headers['idempotency-key']);
    const attempt = asked.filter((one) => one.key === key).length;
    const one = { userId: JSON.parse(text).userId, key, attempt, request };
    asked.push(one);
    behave(one, response, stock);
  };
  const server: Server = createServer((request, response) => void handle(request, response));
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`,
    asked,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function byNumber(a: string, b: string): number {
  return Number(a.split('-')[1]) - Number(b.split('-')[1]);
}
