import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { listen } from '../../../http/server.ts';
import { readLogRanges } from '../../../platform/kafka/admin.ts';
import { createTcpProxy } from '../../support/faults/tcp-proxy.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { assign } from '../../support/system/api.ts';
import { claimEpoch, openEpoch } from '../../support/system/epoch.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type CommandNode, newCoupon, openCommandNode } from './command-node.ts';

describe('A command, from the request to the answer', () => {
  let system: EventSystem;
  let server: OwnRedis;
  let node: CommandNode;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('handlers-');
    server = await startOwnRedis();
    const redis = await connectRedis(server.url);
    await openEpoch(system, redis);
    redis.disconnect();
  });
  after(async function () {
    this.timeout(180_000);
    await server?.close();
    await system?.cleanup();
  });
  beforeEach(async () => {
    node = await openCommandNode(system, { redisUrl: server.url });
  });
  afterEach(() => node.close());

  /** In place of the usual node: one that does not wait long for its brokers. */
  const openHastyNode = async (): Promise<void> => {
    await node.close();
    const limits = { answerTimeoutMs: 1_000, sendTimeoutMs: 600 };
    node = await openCommandNode(system, { redisUrl: server.url, ...limits });
  };

  const endsOfLog = async (): Promise<bigint[]> =>
    (await readLogRanges(system.kafka, system.topicPrefix + ASSIGN_TOPIC)).map(({ to }) => to);
  const heldOf = ({ assignmentId, sequence, occurredAt }: CouponAssigned) => ({
    assignmentId,
    sequence,
    assignedAt: occurredAt,
  });

  it('is answered only when nothing of it is left in the outbox', async () => {
    const couponId = await node.create();
    const answer = await node.ask(couponId);
    expect(answer).to.include({ kind: 'assigned', replayed: false });
    const state = await node.stateOf(couponId);
    expect(state.outbox).to.deep.equal({});
    expect(state.unanswered).to.deep.equal([]);
    expect(state.coupon).to.include({ remaining: '9' }).and.not.have.property('pendingCreation');
  });

  it('puts the event of a repeat into the log before it repeats the answer', async () => {
    const couponId = await node.create();
    const key = keyed('k1');
    const left = await node.decideAndDie(couponId, { key });
    const answer = await node.ask(couponId, { key });
    expect(answer).to.deep.include({ kind: 'assigned', assignment: heldOf(left), replayed: true });
    expect(answer).to.have.property('positions').with.length(1);
    const state = await node.stateOf(couponId);
    expect([state.outbox, state.unanswered]).to.deep.equal([{}, []]);
  });

  it('puts the event of a repeated creation into the log before it repeats the answer', async () => {
    const command = newCoupon({ key: keyed('k1') });
    await node.createAndDie(command);
    const answer = await node.askToCreate(command);
    expect(answer).to.include({ kind: 'created', replayed: true });
    expect((await node.stateOf(command.couponId)).outbox).to.deep.equal({});
    expect(await node.ask(command.couponId)).to.have.property('kind', 'assigned');
  });

  it('names an assignment as the reason of a refusal only when it is in the log', async () => {
    const couponId = await node.create({ perUserLimit: 2 });
    const first = await node.decideAndDie(couponId, { key: keyed('k1') });
    const second = await node.decideAndDie(couponId, { key: keyed('k2') });
    const asked = node.ask(couponId, { key: keyed('k3') });
    expect(await asked).to.deep.equal({
      kind: 'limit-reached',
      held: [heldOf(first), heldOf(second)],
    });
    expect((await node.stateOf(couponId)).outbox).to.deep.equal({});
  });

  it('has an unknown outcome, not a refusal, while the log does not take that assignment', async () => {
    const couponId = await node.create();
    const left = await node.decideAndDie(couponId, { key: keyed('k1') });
    await openHastyNode();
    node.links.stall();
    expect(await node.ask(couponId, { key: keyed('k2') })).to.deep.equal({
      kind: 'outcome-unknown',
    });
    node.links.mend();
    const refused = await waitUntil('the answer is known', async () => {
      const answer = await node.ask(couponId, { key: keyed('k2') });
      return answer.kind !== 'outcome-unknown' && answer;
    });
    expect(refused).to.deep.equal({ kind: 'limit-reached', held: [heldOf(left)] });
  });

  it('keeps the unit for its user when the outcome was unknown', async () => {
    const couponId = await node.create({ quantity: 1 });
    await openHastyNode();
    node.links.stall();
    expect(await node.ask(couponId)).to.deep.equal({ kind: 'outcome-unknown' });
    expect(await node.ask(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'sold-out' });
    node.links.mend();
    const given = await waitUntil('the answer is known', async () => {
      const answer = await node.ask(couponId);
      return answer.kind !== 'outcome-unknown' && answer;
    });
    expect(given).to.deep.include({ kind: 'assigned', replayed: true });
    expect(await node.ask(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'sold-out' });
    expect(await node.ask(couponId)).to.have.property('kind', 'limit-reached');
  });

  it('gives their units to 50 users who hung up before the answer, and ask again without a key', async () => {
    const couponId = await node.create({ quantity: 100 });
    const users = Array.from({ length: 50 }, (_, n) => `user ${n}`);
    const http = await listen(node.app, '127.0.0.1', 0);
    try {
      await Promise.all(users.map((userId) => hangUp(http.port, couponId, userId)));
      await waitUntil('all are confirmed', async () => {
        const { coupon, outbox } = await node.stateOf(couponId);
        return coupon.remaining === '50' && Object.keys(outbox).length === 0;
      });
      const commandApi = `http://127.0.0.1:${http.port}`;
      for (const userId of users) {
        const again = await assign(commandApi, couponId, userId);
        expect(again.status, JSON.stringify(again.body)).to.equal(201);
        expect(again.headers.get('idempotency-replayed')).to.equal('true');
        // Who was told is refused.
        expect(await assign(commandApi, couponId, userId)).to.have.property('status', 409);
      }
      expect((await node.stateOf(couponId)).coupon.remaining).to.equal('50');
    } finally {
      await http.close();
    }
  });

  it('gives a user what was confirmed for it when the reply to the confirmation was lost', async () => {
    const { hostname, port } = new URL(server.url);
    const link = await createTcpProxy(hostname, Number(port));
    const cutOff = await openCommandNode(system, {
      redisUrl: `redis://127.0.0.1:${link.port}`,
      answerTimeoutMs: 1_000,
    });
    try {
      const couponId = await node.create();
      cutOff.links.stallAnswers();
      const asked = cutOff.ask(couponId);
      await waitUntil('it is on its way', () => cutOff.publisher.waiting() === 1);
      // Behind the decision and the master check, which are answered yet.
      await new Promise(setImmediate);
      await cutOff.redis.ping();
      link.stallAnswers();
      cutOff.links.mend();
      await waitUntil('it is confirmed', async () => {
        const { coupon, outbox } = await node.stateOf(couponId);
        return coupon.remaining === '9' && Object.keys(outbox).length === 0;
      });
      link.cut();
      expect(await asked).to.deep.equal({ kind: 'outcome-unknown' });
      const again = await node.ask(couponId);
      expect(again).to.include({ kind: 'assigned', replayed: true });
      expect(await node.ask(couponId)).to.have.property('kind', 'limit-reached');
    } finally {
      link.mend();
      await cutOff.close();
      await link.close();
    }
  });

  it('gives the last units to exactly as many users, whichever process they ask', async () => {
    const couponId = await node.create({ quantity: 30 });
    const other = await openCommandNode(system, { redisUrl: server.url });
    try {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          (n % 2 === 0 ? node : other).ask(couponId, { userId: `user ${n}` }),
        ),
      );
      const sequences = answers.flatMap((answer) =>
        answer.kind === 'assigned' ? [answer.assignment.sequence] : [],
      );
      expect(sequences.sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: 30 }, (_, n) => n + 1),
      );
      expect(answers.filter(({ kind }) => kind === 'sold-out')).to.have.length(70);
      expect((await node.stateOf(couponId)).outbox).to.deep.equal({});
    } finally {
      await other.close();
    }
  });

  it('creates one coupon for twins of a request, whichever process they reach', async () => {
    const command = newCoupon({ key: keyed('k1') });
    const other = await openCommandNode(system, { redisUrl: server.url });
    try {
      const answers = await Promise.all(
        [node, other, node, other].map(({ askToCreate }) => askToCreate(command)),
      );
      expect(new Set(answers.map(({ kind }) => kind))).to.deep.equal(new Set(['created']));
      const times = answers.map((answer) => answer.kind === 'created' && answer.createdAt);
      expect(new Set(times)).to.have.property('size', 1);
      expect(await node.ask(command.couponId)).to.have.property('kind', 'assigned');
    } finally {
      await other.close();
    }
  });

  it('emits nothing that was decided on a Redis that became another one behind the open connection', async () => {
    const couponId = await node.create();
    const before = await endsOfLog();
    const direct = await connectRedis(server.url);
    let closed = false;
    node.redis.once('close', () => {
      closed = true;
    });
    await direct.multi().replicaof('127.0.0.1', 9).replicaof('NO', 'ONE').exec();
    direct.disconnect();
    const answer = await node.ask(couponId);
    expect(answer.kind).to.be.oneOf(['outcome-unknown', 'closed']);
    expect(closed, 'the connection was lost').to.equal(false);
    expect(await endsOfLog()).to.deep.equal(before);
    expect(node.gate.state()).to.have.property('kind', 'closed');
    await openEpoch(system, node.redis);
  });

  it('ends with an unknown outcome, confirms nothing, and keeps the unit when a newer epoch is claimed', async () => {
    const couponId = await node.create();
    await claimEpoch(system);
    expect(await node.ask(couponId)).to.deep.equal({ kind: 'outcome-unknown' });
    const state = await node.stateOf(couponId);
    expect(state.coupon.remaining).to.equal('9');
    expect(Object.keys(state.outbox)).to.have.length(1);
    expect(state.unanswered).to.deep.equal([]);
  });
});

/** Asks for a unit, and is gone before there can be an answer. */
async function hangUp(port: number, couponId: string, userId: string): Promise<void> {
  const body = JSON.stringify({ userId });
  const head = [
    `POST /coupons/${couponId}/assign HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const socket = connect(port, '127.0.0.1');
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  await once(socket, 'close');
}
