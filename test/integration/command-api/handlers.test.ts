import { expect } from 'chai';
import { createCoupon } from '../../../command-api/commands/coupon/create-coupon.ts';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { rangesOf } from '../../../platform/kafka/log-scan.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { claimEpoch, openEpoch } from '../../support/system/epoch.ts';
import { type OwnRedis, startOwnRedis } from '../../support/system/own-redis.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventWorld, type EventWorld } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { newCoupon, type Office, openOffice } from './command-node.ts';

describe('A command, from the request to the answer', () => {
  let world: EventWorld;
  let server: OwnRedis;
  let office: Office;

  before(async function () {
    this.timeout(60_000);
    world = await createEventWorld('stories-');
    server = await startOwnRedis();
    const redis = await connectRedis(server.url);
    await openEpoch(world, redis);
    redis.disconnect();
  });
  after(async function () {
    this.timeout(60_000);
    await server?.close();
    await world?.cleanup();
  });
  beforeEach(async () => {
    office = await openOffice(world, {
      redisUrl: server.url,
      answerTimeoutMs: 1_000,
      sendTimeoutMs: 600,
    });
  });
  afterEach(() => office.close());

  const endsOfLog = async (): Promise<bigint[]> =>
    (await rangesOf(world.kafka, world.topicPrefix + ASSIGN_TOPIC)).map(({ to }) => to);
  const heldOf = ({ assignmentId, sequence, occurredAt }: CouponAssigned) => ({
    assignmentId,
    sequence,
    assignedAt: occurredAt,
  });

  it('is answered only when nothing of it is left in the outbox', async () => {
    const couponId = await office.create();
    const answer = await office.ask(couponId);
    expect(answer).to.include({ kind: 'assigned', replayed: false });
    const state = await office.stateOf(couponId);
    expect(state.outbox).to.deep.equal({});
    expect(state.unanswered).to.deep.equal([]);
    expect(state.coupon).to.include({ remaining: '9' }).and.not.have.property('pendingCreation');
  });

  it('puts the event of a repeat into the log before it repeats the answer', async () => {
    const couponId = await office.create();
    const key = keyed('k1');
    const left = await office.decideAndDie(couponId, { key });
    const answer = await office.ask(couponId, { key });
    expect(answer).to.deep.include({ kind: 'assigned', assignment: heldOf(left), replayed: true });
    expect(answer).to.have.property('positions').with.length(1);
    const state = await office.stateOf(couponId);
    expect([state.outbox, state.unanswered]).to.deep.equal([{}, []]);
  });

  it('puts the event of a repeated creation into the log before it repeats the answer', async () => {
    const command = newCoupon({ key: keyed('k1') });
    const gate = office.desk.gate.state();
    if (gate.kind === 'closed') throw new Error(gate.reason);
    await office.desk.writeModel.create(command, gate.epoch);
    const answer = await createCoupon(office.desk, command, null);
    expect(answer).to.include({ kind: 'created', replayed: true });
    expect((await office.stateOf(command.couponId)).outbox).to.deep.equal({});
    expect(await office.ask(command.couponId)).to.have.property('kind', 'assigned');
  });

  it('names an assignment as the reason of a refusal only when it is in the log', async () => {
    const couponId = await office.create({ perUserLimit: 2 });
    const first = await office.decideAndDie(couponId, { key: keyed('k1') });
    const second = await office.decideAndDie(couponId, { key: keyed('k2') });
    const asked = office.ask(couponId, { key: keyed('k3') });
    expect(await asked).to.deep.equal({
      kind: 'limit-reached',
      held: [heldOf(first), heldOf(second)],
    });
    expect((await office.stateOf(couponId)).outbox).to.deep.equal({});
  });

  it('has an unknown outcome, not a refusal, while the log does not take that assignment', async () => {
    const couponId = await office.create();
    const left = await office.decideAndDie(couponId, { key: keyed('k1') });
    office.wires.stall();
    expect(await office.ask(couponId, { key: keyed('k2') })).to.deep.equal({
      kind: 'outcome-unknown',
    });
    office.wires.mend();
    const refused = await waitUntil('the answer is known', async () => {
      const answer = await office.ask(couponId, { key: keyed('k2') });
      return answer.kind !== 'outcome-unknown' && answer;
    });
    expect(refused).to.deep.equal({ kind: 'limit-reached', held: [heldOf(left)] });
  });

  it('keeps the unit for its user when the outcome was unknown', async () => {
    const couponId = await office.create({ quantity: 1 });
    office.wires.stall();
    expect(await office.ask(couponId)).to.deep.equal({ kind: 'outcome-unknown' });
    expect(await office.ask(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'sold-out' });
    office.wires.mend();
    const given = await waitUntil('the answer is known', async () => {
      const answer = await office.ask(couponId);
      return answer.kind !== 'outcome-unknown' && answer;
    });
    expect(given).to.deep.include({ kind: 'assigned', replayed: true });
    expect(await office.ask(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'sold-out' });
    expect(await office.ask(couponId)).to.have.property('kind', 'limit-reached');
  });

  it('gives the last units to exactly as many users, whichever process they ask', async () => {
    const couponId = await office.create({ quantity: 30 });
    const other = await openOffice(world, { redisUrl: server.url });
    try {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          (n % 2 === 0 ? office : other).ask(couponId, { userId: `user ${n}` }),
        ),
      );
      const sequences = answers.flatMap((answer) =>
        answer.kind === 'assigned' ? [answer.assignment.sequence] : [],
      );
      expect(sequences.sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: 30 }, (_, n) => n + 1),
      );
      expect(answers.filter(({ kind }) => kind === 'sold-out')).to.have.length(70);
      expect((await office.stateOf(couponId)).outbox).to.deep.equal({});
    } finally {
      await other.close();
    }
  });

  it('creates one coupon for twins of a request, whichever process they reach', async () => {
    const command = newCoupon({ key: keyed('k1') });
    const other = await openOffice(world, { redisUrl: server.url });
    try {
      const answers = await Promise.all(
        [office, other, office, other].map(({ desk }) => createCoupon(desk, command, null)),
      );
      expect(new Set(answers.map(({ kind }) => kind))).to.deep.equal(new Set(['created']));
      const times = answers.map((answer) => answer.kind === 'created' && answer.createdAt);
      expect(new Set(times)).to.have.property('size', 1);
      expect(await office.ask(command.couponId)).to.have.property('kind', 'assigned');
    } finally {
      await other.close();
    }
  });

  it('emits nothing that was decided on a Redis that became another one behind the open connection', async () => {
    const couponId = await office.create();
    const before = await endsOfLog();
    const direct = await connectRedis(server.url);
    let closed = false;
    office.redis.once('close', () => {
      closed = true;
    });
    await direct.multi().replicaof('127.0.0.1', 9).replicaof('NO', 'ONE').exec();
    direct.disconnect();
    const answer = await office.ask(couponId);
    expect(answer.kind).to.be.oneOf(['outcome-unknown', 'closed']);
    expect(closed, 'the connection was lost').to.equal(false);
    expect(await endsOfLog()).to.deep.equal(before);
    expect(office.desk.gate.state()).to.have.property('kind', 'closed');
    await openEpoch(world, office.redis);
  });

  it('ends with an unknown outcome, confirms nothing, and keeps the unit when a newer epoch is claimed', async () => {
    const couponId = await office.create();
    await claimEpoch(world);
    expect(await office.ask(couponId)).to.deep.equal({ kind: 'outcome-unknown' });
    const state = await office.stateOf(couponId);
    expect(state.coupon.remaining).to.equal('9');
    expect(Object.keys(state.outbox)).to.have.length(1);
    expect(state.unanswered).to.deep.equal([]);
  });
});
