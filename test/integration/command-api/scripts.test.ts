import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type {
  AssignOutcome,
  AssignRefusal,
} from '../../../command-api/commands/assignment/assign-coupon.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import type { AssignCoupon, CreateCoupon } from '../../../domain/commands.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { randomName } from '../../support/random-name.ts';
import { connectRedis, deleteKeysWith } from '../../support/system/redis.ts';
import { createWriteModel, type WriteModel } from '../../support/system/write-model.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { stateInRedis } from './coupon-state.ts';

const DAY = 24 * 3_600_000;

describe('The scripts in Redis', () => {
  const prefix = randomName('scripts-');
  const epoch = 7;
  let redis: Redis;
  let keys: RedisKeys;
  let model: WriteModel;

  const modelWith = (limits: { maxOutboxAgeMs?: number; idempotencyTtlMs?: number } = {}) =>
    createWriteModel({
      redis,
      keys,
      maxOutboxAgeMs: 3_600_000,
      idempotencyTtlMs: DAY,
      ...limits,
    });
  const redisNow = async (): Promise<number> => {
    const [seconds, microseconds] = await redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  };
  const openGate = (gateEpoch: number) =>
    redis.hset(keys.gate, { epoch: gateEpoch, replicationId: 'any' });
  const creation = async (fields: Partial<CreateCoupon> = {}): Promise<CreateCoupon> => {
    const nowMs = await redisNow();
    return {
      couponId: randomUUID(),
      title: '커피',
      quantity: 10,
      startDate: nowMs - DAY,
      endDate: nowMs + DAY,
      perUserLimit: 1,
      key: keyed('created'),
      ...fields,
    };
  };
  /** A coupon that is confirmed. @returns its id */
  const createCoupon = async (fields: Partial<CreateCoupon> = {}): Promise<string> => {
    const command = await creation(fields);
    expect(await model.create(command, epoch)).to.have.property('kind', 'accepted');
    const { couponId } = command;
    await model.confirm({
      couponId,
      epoch,
      creationId: couponId,
      eventIds: [couponId],
    });
    return couponId;
  };
  const assignment = (couponId: string, fields: Partial<AssignCoupon> = {}): AssignCoupon => ({
    couponId,
    assignmentId: randomUUID(),
    userId: 'ann',
    key: null,
    ...fields,
  });
  const assign = (couponId: string, fields: Partial<AssignCoupon> = {}) =>
    model.assign(assignment(couponId, fields), epoch);
  const accepted = async (couponId: string, userId: string): Promise<CouponAssigned> => {
    const outcome = await assign(couponId, { userId });
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    return outcome.event;
  };
  const refused = (refusal: AssignRefusal): AssignOutcome => ({
    kind: 'refused',
    refusal,
    waiting: [],
  });
  const stateOf = (couponId: string) => stateInRedis(redis, keys, couponId, ['k1']);

  before(async () => {
    redis = await connectRedis();
  });
  after(async () => {
    await deleteKeysWith(redis, prefix);
    redis.disconnect();
  });
  beforeEach(async () => {
    keys = createRedisKeys(`${prefix}-${randomName('')}-`);
    model = modelWith();
    await openGate(epoch);
  });

  describe('are closed, and change nothing,', () => {
    /** Every command for this coupon, as this process would send it in `epoch`. */
    const expectClosed = async (couponId: string, eventId: string, createTwin: CreateCoupon) => {
      const before = await stateOf(couponId);
      expect(await model.create(createTwin, epoch)).to.deep.equal({ kind: 'closed' });
      expect(await assign(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'closed' });
      expect(await assign(couponId, { userId: 'bo', key: keyed('k1') })).to.deep.equal({
        kind: 'closed',
      });
      const confirmed = await model.confirm({
        couponId,
        epoch,
        creationId: null,
        eventIds: [eventId],
      });
      expect(confirmed).to.deep.equal({ kind: 'closed' });
      expect(await model.quarantine(couponId, eventId, epoch)).to.equal('closed');
      expect(await stateOf(couponId)).to.deep.equal(before);
    };

    for (const [what, act] of [
      ['without a gate', (r: Redis, k: RedisKeys) => r.del(k.gate)],
      ['while the gate is closing', (r: Redis, k: RedisKeys) => r.hdel(k.gate, 'epoch')],
      ['on the gate of a newer epoch', (r: Redis, k: RedisKeys) => r.hset(k.gate, 'epoch', 8)],
      ['on the gate of an older epoch', (r: Redis, k: RedisKeys) => r.hset(k.gate, 'epoch', 6)],
      [
        'on an epoch that only begins alike',
        (r: Redis, k: RedisKeys) => r.hset(k.gate, 'epoch', 70),
      ],
    ] as const) {
      it(what, async () => {
        const command = await creation();
        await model.create(command, epoch);
        const { couponId } = command;
        await model.confirm({
          couponId,
          epoch,
          creationId: couponId,
          eventIds: [couponId],
        });
        const { eventId } = await accepted(couponId, 'ann');
        await act(redis, keys);
        await expectClosed(couponId, eventId, command);
        const fresh = await creation();
        expect(await model.create(fresh, epoch)).to.deep.equal({ kind: 'closed' });
        expect((await stateOf(fresh.couponId)).coupon).to.deep.equal({});
        expect(await redis.sismember(keys.coupons, fresh.couponId)).to.equal(0);
      });
    }

    for (const couponEpoch of ['6', '8', 'closing']) {
      it(`on a coupon of the epoch ${couponEpoch}`, async () => {
        const command = await creation();
        const couponId = await createCoupon(command);
        const { eventId } = await accepted(couponId, 'ann');
        await redis.hset(keys.coupon(couponId), 'epoch', couponEpoch);
        await expectClosed(couponId, eventId, command);
      });
    }
  });

  it('confirm with the epoch of the events and not with that of the gate', async () => {
    const couponId = await createCoupon();
    const { eventId } = await accepted(couponId, 'ann');
    await openGate(8);
    await redis.hset(keys.coupon(couponId), 'epoch', 8);
    const confirmation = { couponId, creationId: null, eventIds: [eventId] };
    expect(await model.confirm({ ...confirmation, epoch })).to.deep.equal({ kind: 'closed' });
    expect(Object.keys((await stateOf(couponId)).outbox)).to.deep.equal([eventId]);
  });

  it('give no unit of a coupon before its creation is confirmed', async () => {
    const command = await creation();
    const { couponId } = command;
    await model.create(command, epoch);
    expect(await assign(couponId)).to.deep.equal(refused({ kind: 'coupon-not-found' }));
    const creationId = couponId;
    await model.confirm({ couponId, epoch, creationId, eventIds: [couponId] });
    expect(await assign(couponId)).to.have.property('kind', 'accepted');
  });

  it('do not know a key that was recorded in another epoch', async () => {
    const couponId = await createCoupon({ perUserLimit: 5 });
    await assign(couponId, { key: keyed('k1') });
    await openGate(8);
    await redis.hset(keys.coupon(couponId), 'epoch', 8);
    const again = await model.assign(assignment(couponId, { key: keyed('k1') }), 8);
    expect(again).to.have.nested.property('event.nthOfUser', 2);
  });

  it('survive that Redis forgets its scripts', async () => {
    const couponId = await createCoupon();
    for (const userId of ['ann', 'bo']) {
      await redis.script('FLUSH');
      const event = await accepted(couponId, userId);
      await redis.script('FLUSH');
      const confirmed = await model.confirm({
        couponId,
        epoch,
        creationId: null,
        eventIds: [event.eventId],
      });
      expect(confirmed).to.deep.equal({ kind: 'confirmed' });
    }
    expect(await stateOf(couponId)).to.have.nested.property('coupon.remaining', '8');
  });

  it('are decided by the clock of Redis, to the millisecond', async () => {
    const nowMs = await redisNow();
    const startDate = nowMs + 1_000;
    const endDate = nowMs + 2_000;
    const couponId = await createCoupon({ startDate, endDate, quantity: 1_000_000 });
    expect(await assign(couponId)).to.deep.equal(refused({ kind: 'not-started', startDate }));
    // Without a pause between them, so that every millisecond around the two dates is met.
    const given: number[] = [];
    let outcome = await assign(couponId);
    const hasEnded = () => outcome.kind === 'refused' && outcome.refusal.kind === 'ended';
    for (let user = 0; !hasEnded(); user += 1) {
      outcome = await assign(couponId, { userId: `user ${user}` });
      if (outcome.kind === 'accepted') given.push(outcome.event.occurredAt);
    }
    expect(outcome).to.deep.equal(refused({ kind: 'ended', endDate }));
    expect(given).to.not.have.length(0);
    for (const at of given) expect(at).to.be.at.least(startDate).and.below(endDate);
  });

  it('reserve nothing new behind an event that waits too long, and again once it is confirmed', async () => {
    model = modelWith({ maxOutboxAgeMs: 60_000 });
    const couponId = await createCoupon();
    const { eventId } = await accepted(couponId, 'ann');
    await accepted(couponId, 'cy');
    await redis.zadd(keys.outbox(couponId), (await redisNow()) - 61_000, eventId);
    const before = await stateOf(couponId);
    expect(await assign(couponId, { userId: 'bo' })).to.deep.equal({ kind: 'overloaded' });
    expect(await assign(couponId, { userId: 'ann' })).to.have.property('kind', 'repeat');
    expect(await stateOf(couponId)).to.deep.equal(before);
    const other = await createCoupon();
    expect(await assign(other, { userId: 'bo' })).to.have.property('kind', 'accepted');
    await model.confirm({ couponId, epoch, creationId: null, eventIds: [eventId] });
    expect(await assign(couponId, { userId: 'bo' })).to.have.property('kind', 'accepted');
  });

  it('give every unit once to a workload that comes at once, numbered without a gap', async () => {
    const couponId = await createCoupon({ quantity: 50 });
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) => assign(couponId, { userId: `user ${n}` })),
    );
    const events = outcomes.flatMap((outcome) =>
      outcome.kind === 'accepted' ? [outcome.event] : [],
    );
    expect(events.map(({ sequence }) => sequence).sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
    const soldOut = outcomes.filter(
      (outcome) => outcome.kind === 'refused' && outcome.refusal.kind === 'sold-out',
    );
    expect(soldOut).to.have.length(150);
    expect(await stateOf(couponId)).to.have.nested.property('coupon.remaining', '0');
  });

  it('give one unit to twins of a request, however many come at once', async () => {
    const couponId = await createCoupon({ perUserLimit: 100 });
    const twins = await Promise.all(
      Array.from({ length: 50 }, () => assign(couponId, { key: keyed('k1') })),
    );
    expect(twins.map(({ kind }) => kind).sort()).to.deep.equal([
      'accepted',
      ...Array(49).fill('repeat'),
    ]);
    expect(await stateOf(couponId)).to.have.nested.property('coupon.remaining', '9');
  });

  it('confirm a whole batch of the largest size in one call', async () => {
    const couponId = await createCoupon({ quantity: 2_000 });
    const events = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => accepted(couponId, `user ${n}`)),
    );
    const ids = events.map(({ eventId }) => eventId);
    expect(await model.confirm({ couponId, epoch, creationId: null, eventIds: ids })).to.deep.equal(
      { kind: 'confirmed' },
    );
    const state = await stateOf(couponId);
    expect(state.outbox).to.deep.equal({});
    expect(state.outboxEvents).to.deep.equal({});
    expect(state.unanswered).to.deep.equal([...ids].sort());
  });

  it('keep a confirmed assignment as unanswered until a caller is answered with it', async () => {
    const couponId = await createCoupon({ perUserLimit: 2 });
    const ids = [
      (await accepted(couponId, 'ann')).eventId,
      (await accepted(couponId, 'ann')).eventId,
    ] as const;
    const confirmation = { couponId, epoch, creationId: null, eventIds: ids };
    await model.confirm(confirmation);
    expect((await stateOf(couponId)).unanswered).to.deep.equal([...ids].sort());
    const again = await assign(couponId);
    expect(again).to.deep.include({ kind: 'repeat', eventId: ids[0], waiting: null });
    await model.markAnswered(couponId, ids[0]);
    await model.confirm(confirmation);
    expect((await stateOf(couponId)).unanswered).to.deep.equal([ids[1]]);
    await model.markAnswered(couponId, ids[1]);
    expect(await assign(couponId)).to.have.nested.property('refusal.kind', 'limit-reached');
  });

  it('number the units of a user on from the last, also when a rebuild has left a gap', async () => {
    const couponId = await createCoupon({ perUserLimit: 2 });
    const left = `${randomUUID()}/4/${await redisNow()}/2`;
    await redis.hset(keys.holders(couponId), 'ann', left);
    expect(await accepted(couponId, 'ann')).to.include({ nthOfUser: 3 });
    expect(await assign(couponId, { userId: 'ann' })).to.have.property('kind', 'repeat');
  });

  it('keep every character of titles, user ids and keys', async () => {
    const title = '"}{\\ 한글 👨‍👩‍👧 e\u0301 %s %% \u2028 𝒳';
    const userId = '{"a":"김민수","b":[1,2]}/,|%d👍🏽\\';
    const command = await creation({ title, key: keyed('k"{1}|/,\\', 'h') });
    const created = await model.create(command, epoch);
    if (created.kind !== 'accepted') throw new Error(created.kind);
    expect(await model.create(command, epoch)).to.deep.equal({
      kind: 'repeat',
      eventId: command.couponId,
      waiting: created.event,
      success: { kind: 'created', createdAt: created.event.occurredAt },
    });
    const { couponId } = command;
    await model.confirm({
      couponId,
      epoch,
      creationId: couponId,
      eventIds: [couponId],
    });
    const key = keyed('"{k}|/,\\%', 'h');
    const given = await assign(couponId, { userId, key });
    if (given.kind !== 'accepted') throw new Error(given.kind);
    expect(given.event).to.deep.include({ userId, idempotencyKey: key.idempotencyKey });
    const again = await assign(couponId, { userId, key });
    expect(again).to.have.property('kind', 'repeat');
    expect(again).to.have.deep.property('waiting', given.event);
    expect(Object.keys((await stateOf(couponId)).holders)).to.deep.equal([userId]);
  });

  it('count in whole numbers however large they are', async () => {
    const couponId = await createCoupon({ quantity: 1_000_000 });
    await redis.hset(keys.coupon(couponId), 'lastSequence', 999_999);
    expect(await accepted(couponId, 'ann')).to.include({ sequence: 1_000_000 });
    expect(await accepted(couponId, 'bo')).to.include({ sequence: 1_000_001 });
    const { coupon } = await stateOf(couponId);
    expect(coupon).to.include({ remaining: '999998', lastSequence: '1000001' });
    const far = Number.MAX_SAFE_INTEGER;
    await openGate(far);
    const command = await creation();
    const created = await model.create(command, far);
    expect(created).to.have.nested.property('event.epoch', far);
    expect(await stateOf(command.couponId)).to.have.nested.property('coupon.epoch', `${far}`);
  });

  describe('remember an idempotency key', () => {
    it('for as long as their setting says', async () => {
      const couponId = await createCoupon();
      await assign(couponId, { key: keyed('k1') });
      const leftMs = await redis.pttl(keys.idempotency(couponId, 'k1'));
      expect(leftMs).to.be.within(DAY - 60_000, DAY);
    });

    it('and no longer: then the limit alone counts', async () => {
      model = modelWith({ idempotencyTtlMs: 20 });
      const couponId = await createCoupon({ perUserLimit: 2 });
      await assign(couponId, { key: keyed('k1') });
      const forgotten = () => redis.exists(keys.idempotency(couponId, 'k1')).then((n) => n === 0);
      await waitUntil('the key is forgotten', forgotten);
      const second = await assign(couponId, { key: keyed('k1', 'another') });
      expect(second).to.have.nested.property('event.nthOfUser', 2);
      await waitUntil('the key is forgotten', forgotten);
      expect(await assign(couponId, { key: keyed('k1') })).to.have.nested.property(
        'refusal.kind',
        'limit-reached',
      );
    });

    it('not of a request that got nothing', async () => {
      const couponId = await createCoupon({ quantity: 0 });
      expect(await assign(couponId, { key: keyed('k1') })).to.deep.equal(
        refused({ kind: 'sold-out' }),
      );
      expect((await stateOf(couponId)).keys).to.deep.equal({});
    });
  });
});
