import { expect } from 'chai';
import { createCoupon } from '../../../command-api/commands/coupon/create-coupon.ts';
import { EVENT_TOPICS } from '../../../contracts/topics.ts';
import { rangesOf, scanLog } from '../../../platform/kafka/log-scan.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { openEpoch } from '../../support/system/epoch.ts';
import { type OwnRedis, startOwnRedis } from '../../support/system/own-redis.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventWorld, type EventWorld } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { newCoupon, type Office, openOffice } from './command-node.ts';

describe('The relay', () => {
  let world: EventWorld;
  let server: OwnRedis;
  let epoch: number;
  /** The process whose relay is looked at. */
  let office: Office;

  before(async function () {
    this.timeout(60_000);
    world = await createEventWorld('relay-');
    server = await startOwnRedis();
    const redis = await connectRedis(server.url);
    epoch = await openEpoch(world, redis);
    redis.disconnect();
  });
  after(async function () {
    this.timeout(60_000);
    await server?.close();
    await world?.cleanup();
  });
  beforeEach(async () => {
    office = await openOffice(world, { redisUrl: server.url });
  });
  afterEach(() => office.close());

  const untilDrained = (couponId: string) =>
    waitUntil('the outbox is empty', async () => {
      const state = await office.stateOf(couponId);
      return Object.keys(state.outbox).length === 0 && state;
    });
  /** How often each event of this coupon is in the log. */
  const timesInLog = async (couponId: string): Promise<Map<string, number>> => {
    const times = new Map<string, number>();
    for (const topic of EVENT_TOPICS) {
      const physical = `${world.topicPrefix}${topic}`;
      const ranges = await rangesOf(world.kafka, physical);
      await scanLog(world.kafka, physical, ranges, async ({ message }): Promise<'go on'> => {
        const { event } = await world.codec.decode(message.value);
        const id = String(event.eventId);
        if (event.couponId === couponId) times.set(id, (times.get(id) ?? 0) + 1);
        return 'go on';
      });
    }
    return times;
  };

  describe('after a process died between deciding and emitting', () => {
    it('puts the event into the log and gives it to its user, who then holds the limit', async () => {
      const couponId = await office.create();
      const event = await office.decideAndDie(couponId);
      office.startRelay();
      const state = await untilDrained(couponId);
      expect(state.unanswered).to.deep.equal([event.eventId]);
      expect(state.coupon.remaining).to.equal('9');
      expect((await timesInLog(couponId)).get(event.eventId)).to.equal(1);
      const held = {
        assignmentId: event.eventId,
        sequence: event.sequence,
        assignedAt: event.occurredAt,
      };
      const given = await office.ask(couponId);
      expect(given).to.deep.include({ kind: 'assigned', assignment: held, replayed: true });
      const more = await office.ask(couponId);
      expect(more).to.deep.equal({ kind: 'limit-reached', held: [held] });
      expect((await office.stateOf(couponId)).unanswered).to.deep.equal([]);
    });

    it('gives it to the same request by its key, again and again', async () => {
      const couponId = await office.create();
      const key = keyed('k1');
      const event = await office.decideAndDie(couponId, { key });
      office.startRelay();
      await untilDrained(couponId);
      for (let time = 0; time < 3; time += 1) {
        const given = await office.ask(couponId, { key });
        expect(given).to.deep.include({ kind: 'assigned', replayed: true });
        expect(given).to.have.nested.property('assignment.assignmentId', event.eventId);
      }
      expect(await office.ask(couponId)).to.have.property('kind', 'limit-reached');
    });

    it('finishes a coupon whose creation was left, and its creator finds it created', async () => {
      const command = newCoupon({ key: keyed('k1') });
      const { couponId } = command;
      const decided = await office.desk.writeModel.create(command, epoch);
      expect(decided.kind).to.equal('accepted');
      expect(await office.ask(couponId)).to.deep.equal({ kind: 'coupon-not-found' });
      office.startRelay();
      const state = await untilDrained(couponId);
      expect(state.coupon).to.not.have.property('pendingCreation');
      expect(state.unanswered).to.deep.equal([]);
      expect(await office.ask(couponId)).to.include({ kind: 'assigned', replayed: false });
      const again = await createCoupon(office.desk, command, null);
      expect(again).to.include({ kind: 'created', replayed: true });
    });

    it('finishes what was left of a coupon that has ended since', async () => {
      const couponId = await office.create();
      const event = await office.decideAndDie(couponId);
      await office.redis.hset(office.keys.coupon(couponId), 'endDate', Date.now() - 1);
      office.startRelay();
      expect((await untilDrained(couponId)).unanswered).to.deep.equal([event.eventId]);
    });

    it('finishes more than one round can take', async function () {
      this.timeout(60_000);
      const couponId = await office.create({ quantity: 3_000 });
      const events = await Promise.all(
        Array.from({ length: 2_500 }, (_, n) =>
          office.decideAndDie(couponId, { userId: `user ${n}` }),
        ),
      );
      office.startRelay();
      const state = await untilDrained(couponId);
      expect(state.coupon.remaining).to.equal('500');
      expect(state.unanswered).to.have.length(2_500);
      const times = await timesInLog(couponId);
      for (const { eventId } of events) expect(times.get(eventId)).to.equal(1);
    });
  });

  it('leaves alone what is younger than it is told: its own process is about to confirm it', async () => {
    const couponId = await office.create();
    const young = await office.decideAndDie(couponId, { userId: 'young' });
    const old = await office.decideAndDie(couponId, { userId: 'old' });
    const outbox = office.keys.outbox(couponId);
    await office.redis.zincrby(outbox, -120_000, old.eventId);
    office.startRelay({ minAgeMs: 60_000 });
    await waitUntil('the old one is confirmed', async () => {
      const { unanswered } = await office.stateOf(couponId);
      return unanswered.includes(old.eventId);
    });
    expect(Object.keys((await office.stateOf(couponId)).outbox)).to.deep.equal([young.eventId]);
  });

  it('does no harm when it runs in several processes at once', async () => {
    const couponId = await office.create({ quantity: 100 });
    const events = await Promise.all(
      Array.from({ length: 50 }, (_, n) => office.decideAndDie(couponId, { userId: `user ${n}` })),
    );
    const other = await openOffice(world, { redisUrl: server.url });
    try {
      other.startRelay();
      office.startRelay();
      const state = await untilDrained(couponId);
      expect(state.unanswered).to.have.length(50);
      expect(state.coupon.remaining).to.equal('50');
      await other.desk.publisher.drained(10_000);
      await office.desk.publisher.drained(10_000);
      expect(await office.stateOf(couponId)).to.deep.equal(state);
      const times = await timesInLog(couponId);
      for (const { eventId } of events) expect(times.get(eventId)).to.be.at.least(1);
    } finally {
      await other.close();
    }
  });

  it('relays nothing while the gate is closed, and goes on when it is open again', async () => {
    const couponId = await office.create();
    const event = await office.decideAndDie(couponId);
    const { keys, redis } = office;
    const gate = await redis.hgetall(keys.gate);
    await redis.del(keys.gate);
    office.desk.gate.recheck('a script found another epoch');
    office.startRelay();
    await waitUntil('the gate is compared', () => {
      const state = office.desk.gate.state();
      return state.kind === 'closed' && state.reason.includes('no gate');
    });
    expect(office.desk.publisher.waiting()).to.equal(0);
    expect(Object.keys((await office.stateOf(couponId)).outbox)).to.deep.equal([event.eventId]);
    await redis.hset(keys.gate, gate);
    await untilDrained(couponId);
  });

  it('confirms nothing that a request of this process has on its way', async () => {
    const couponId = await office.create();
    office.startRelay({ intervalMs: 1 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => office.ask(couponId, { userId: `user ${n}` })),
    );
    for (const answer of answers) expect(answer).to.include({ kind: 'assigned', replayed: false });
    const state = await untilDrained(couponId);
    expect(state.unanswered).to.deep.equal([]);
  });

  it('emits what a request could not wait for, and then the user gets it', async function () {
    this.timeout(60_000);
    const couponId = await office.create();
    const hasty = await openOffice(world, {
      redisUrl: server.url,
      answerTimeoutMs: 200,
      sendTimeoutMs: 400,
    });
    try {
      hasty.wires.stall();
      const answer = await hasty.ask(couponId);
      expect(answer).to.deep.equal({ kind: 'outcome-unknown' });
      office.startRelay();
      const { unanswered } = await untilDrained(couponId);
      const given = await office.ask(couponId);
      expect(given).to.have.nested.property('assignment.assignmentId', unanswered[0]);
      expect(await office.ask(couponId)).to.have.property('kind', 'limit-reached');
    } finally {
      await hasty.close();
    }
    expect((await office.stateOf(couponId)).unanswered).to.deep.equal([]);
  });
});
