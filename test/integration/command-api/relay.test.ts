import { expect } from 'chai';
import { EVENT_TOPICS } from '../../../contracts/topics.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { openEpoch } from '../../support/system/epoch.ts';
import { recordsOf } from '../../support/system/records.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type CommandNode, newCoupon, openCommandNode } from './command-node.ts';

describe('The relay', () => {
  let system: EventSystem;
  let server: OwnRedis;
  /** The process whose relay is looked at. */
  let node: CommandNode;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('relay-');
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

  const untilDrained = (couponId: string) =>
    waitUntil('the outbox is empty', async () => {
      const state = await node.stateOf(couponId);
      return Object.keys(state.outbox).length === 0 && state;
    });
  /** How often each event of this coupon is in the log. */
  const timesInLog = async (couponId: string): Promise<Map<string, number>> => {
    const times = new Map<string, number>();
    for (const topic of EVENT_TOPICS) {
      for (const { value } of await recordsOf(system.kafka, `${system.topicPrefix}${topic}`)) {
        const { event } = await system.codec.decode(value);
        const id = String(event.eventId);
        if (event.couponId === couponId) times.set(id, (times.get(id) ?? 0) + 1);
      }
    }
    return times;
  };

  describe('after a process died between deciding and emitting', () => {
    it('puts the event into the log and gives it to its user, who then holds the limit', async () => {
      const couponId = await node.create();
      const event = await node.decideAndDie(couponId);
      node.startRelay();
      const state = await untilDrained(couponId);
      expect(state.unanswered).to.deep.equal([event.eventId]);
      expect(state.coupon.remaining).to.equal('9');
      expect((await timesInLog(couponId)).get(event.eventId)).to.equal(1);
      const held = {
        assignmentId: event.eventId,
        sequence: event.sequence,
        assignedAt: event.occurredAt,
      };
      const given = await node.ask(couponId);
      expect(given).to.deep.include({ kind: 'assigned', assignment: held, replayed: true });
      const more = await node.ask(couponId);
      expect(more).to.deep.equal({ kind: 'limit-reached', held: [held] });
      expect((await node.stateOf(couponId)).unanswered).to.deep.equal([]);
    });

    it('gives it to the same request by its key, again and again', async () => {
      const couponId = await node.create();
      const key = keyed('k1');
      const event = await node.decideAndDie(couponId, { key });
      node.startRelay();
      await untilDrained(couponId);
      for (let time = 0; time < 3; time += 1) {
        const given = await node.ask(couponId, { key });
        expect(given).to.deep.include({ kind: 'assigned', replayed: true });
        expect(given).to.have.nested.property('assignment.assignmentId', event.eventId);
      }
      expect(await node.ask(couponId)).to.have.property('kind', 'limit-reached');
    });

    it('finishes a coupon whose creation was left, and its creator finds it created', async () => {
      const command = newCoupon({ key: keyed('k1') });
      const { couponId } = command;
      await node.createAndDie(command);
      expect(await node.ask(couponId)).to.deep.equal({ kind: 'coupon-not-found' });
      node.startRelay();
      const state = await untilDrained(couponId);
      expect(state.coupon).to.not.have.property('pendingCreation');
      expect(state.unanswered).to.deep.equal([]);
      expect(await node.ask(couponId)).to.include({ kind: 'assigned', replayed: false });
      const again = await node.askToCreate(command);
      expect(again).to.include({ kind: 'created', replayed: true });
    });

    it('finishes what was left of a coupon that has ended since', async () => {
      const couponId = await node.create();
      const event = await node.decideAndDie(couponId);
      await node.redis.hset(node.keys.coupon(couponId), 'endDate', Date.now() - 1);
      node.startRelay();
      expect((await untilDrained(couponId)).unanswered).to.deep.equal([event.eventId]);
    });

    it('finishes more than one round can take', async function () {
      this.timeout(180_000);
      const couponId = await node.create({ quantity: 3_000 });
      const events = await Promise.all(
        Array.from({ length: 2_500 }, (_, n) =>
          node.decideAndDie(couponId, { userId: `user ${n}` }),
        ),
      );
      node.startRelay();
      const state = await untilDrained(couponId);
      expect(state.coupon.remaining).to.equal('500');
      expect(state.unanswered).to.have.length(2_500);
      const times = await timesInLog(couponId);
      for (const { eventId } of events) expect(times.get(eventId)).to.equal(1);
    });
  });

  it('leaves alone what is younger than it is told: its own process is about to confirm it', async () => {
    const couponId = await node.create();
    const young = await node.decideAndDie(couponId, { userId: 'young' });
    const old = await node.decideAndDie(couponId, { userId: 'old' });
    const outbox = node.keys.outbox(couponId);
    await node.redis.zincrby(outbox, -120_000, old.eventId);
    node.startRelay({ minAgeMs: 60_000 });
    await waitUntil('the old one is confirmed', async () => {
      const { unanswered } = await node.stateOf(couponId);
      return unanswered.includes(old.eventId);
    });
    expect(Object.keys((await node.stateOf(couponId)).outbox)).to.deep.equal([young.eventId]);
  });

  it('does no harm when it runs in several processes at once', async () => {
    const couponId = await node.create({ quantity: 100 });
    const events = await Promise.all(
      Array.from({ length: 50 }, (_, n) => node.decideAndDie(couponId, { userId: `user ${n}` })),
    );
    const other = await openCommandNode(system, { redisUrl: server.url });
    try {
      other.startRelay();
      node.startRelay();
      const state = await untilDrained(couponId);
      expect(state.unanswered).to.have.length(50);
      expect(state.coupon.remaining).to.equal('50');
      await other.publisher.drained(60_000);
      await node.publisher.drained(60_000);
      expect(await node.stateOf(couponId)).to.deep.equal(state);
      const times = await timesInLog(couponId);
      for (const { eventId } of events) expect(times.get(eventId)).to.be.at.least(1);
    } finally {
      await other.close();
    }
  });

  it('relays nothing while the gate is closed, and goes on when it is open again', async () => {
    const couponId = await node.create();
    const event = await node.decideAndDie(couponId);
    const { keys, redis } = node;
    const gate = await redis.hgetall(keys.gate);
    await redis.del(keys.gate);
    node.gate.recheck('a test has changed it');
    node.startRelay();
    await waitUntil('the gate is compared', () => {
      const state = node.gate.state();
      return state.kind === 'closed' && state.reason.includes('no gate');
    });
    expect(node.publisher.waiting()).to.equal(0);
    expect(Object.keys((await node.stateOf(couponId)).outbox)).to.deep.equal([event.eventId]);
    await redis.hset(keys.gate, gate);
    await untilDrained(couponId);
  });

  it('confirms nothing that a request of this process has on its way', async () => {
    const couponId = await node.create();
    node.startRelay({ intervalMs: 1 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => node.ask(couponId, { userId: `user ${n}` })),
    );
    for (const answer of answers) expect(answer).to.include({ kind: 'assigned', replayed: false });
    const state = await untilDrained(couponId);
    expect(state.unanswered).to.deep.equal([]);
  });

  it('emits what a request could not wait for, and then the user gets it', async function () {
    this.timeout(180_000);
    const couponId = await node.create();
    const hasty = await openCommandNode(system, {
      redisUrl: server.url,
      answerTimeoutMs: 200,
      sendTimeoutMs: 400,
    });
    try {
      hasty.links.stall();
      const answer = await hasty.ask(couponId);
      expect(answer).to.deep.equal({ kind: 'outcome-unknown' });
      node.startRelay();
      const { unanswered } = await untilDrained(couponId);
      const given = await node.ask(couponId);
      expect(given).to.have.nested.property('assignment.assignmentId', unanswered[0]);
      expect(await node.ask(couponId)).to.have.property('kind', 'limit-reached');
    } finally {
      await hasty.close();
    }
    expect((await node.stateOf(couponId)).unanswered).to.deep.equal([]);
  });
});
