import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { toLogEvent } from '../../../contracts/event-record.ts';
import { EPOCHS_TOPIC, EVENT_TOPICS } from '../../../contracts/topics.ts';
import type { RequestKey } from '../../../domain/commands.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../../../domain/coupon-events.ts';
import { reserve } from '../../../domain/decisions/reserve-and-confirm.ts';
import { initialState } from '../../../domain/decisions/write-model-state.ts';
import type { AppError } from '../../../platform/errors.ts';
import { readLogRanges, withAdmin } from '../../../platform/kafka/admin.ts';
import { createKafkaClient } from '../../../platform/kafka/client.ts';
import { errorOf } from '../../support/error-of.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { appendDiscard, discardUnreadable } from '../../support/system/discard.ts';
import { claimEpoch } from '../../support/system/epoch.ts';
import { recordsOf } from '../../support/system/records.ts';
import { stateInRedis, stateOf } from '../command-api/coupon-state.ts';
import { createRebuildSystem, DAY, type RebuildSystem } from './rebuild-system.ts';

const keyed = (idempotencyKey: string, requestHash = 'hash'): RequestKey => ({
  idempotencyKey,
  requestHash,
});

describe('Rebuilding Redis from the log', () => {
  let system: RebuildSystem;
  beforeEach(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
  });
  afterEach(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  /** A coupon that was decided, is in the log and confirmed. */
  const createCoupon = async (
    epoch: number,
    fields: Partial<CouponCreated> = {},
  ): Promise<CouponCreated> => {
    const nowMs = Date.now();
    const outcome = await system.writeModel.create(
      {
        couponId: randomUUID(),
        title: '커피 쿠폰 ☕ "}{\\',
        quantity: 10,
        perUserLimit: 2,
        startDate: nowMs - DAY,
        endDate: nowMs + DAY,
        key: keyed('created'),
        ...fields,
      },
      epoch,
    );
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    await settle(outcome.event);
    return outcome.event;
  };
  /** A unit that was taken; its event waits in the outbox. */
  const take = async (
    couponId: string,
    epoch: number,
    userId: string,
    key: RequestKey | null = null,
  ): Promise<CouponAssigned> => {
    const command = { couponId, assignmentId: randomUUID(), userId, key };
    const outcome = await system.writeModel.assign(command, epoch);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    return outcome.event;
  };
  const ask = (couponId: string, epoch: number, userId: string, key: RequestKey | null = null) =>
    system.writeModel.assign({ couponId, assignmentId: randomUUID(), userId, key }, epoch);
  const confirm = ({ couponId, epoch, eventId, type }: CouponEvent) =>
    system.writeModel.confirm({
      couponId,
      epoch,
      creationId: type === 'CouponCreated' ? eventId : null,
      eventIds: [eventId],
    });
  /** Into the log, and confirmed. */
  const settle = async (event: CouponEvent): Promise<void> => {
    await system.append([event]);
    expect(await confirm(event)).to.deep.equal({ kind: 'confirmed' });
  };
  const assigned = (fields: Partial<CouponAssigned>): CouponAssigned => {
    const assignmentId = randomUUID();
    return {
      type: 'CouponAssigned',
      eventId: assignmentId,
      epoch: 0,
      occurredAt: Date.now(),
      idempotencyKey: null,
      requestHash: null,
      assignmentId,
      couponId: randomUUID(),
      userId: 'ann',
      sequence: 1,
      nthOfUser: 1,
      ...fields,
    };
  };
  const heldAs = ({ assignmentId, sequence, occurredAt }: CouponAssigned) => ({
    assignmentId,
    sequence,
    assignedAt: occurredAt,
  });

  describe('of an empty log', () => {
    it('opens epoch 0, the offset of its claim, on this Redis', async () => {
      const result = await system.rebuild();
      expect(result).to.include({ epoch: 0, coupons: 0, assignments: 0, records: 6, fenced: 0 });
      const [claims] = await readLogRanges(
        system.events.kafka,
        `${system.events.topicPrefix}${EPOCHS_TOPIC}`,
      );
      expect(claims).to.include({ from: 0n, to: 1n });
      expect(await system.gate()).to.deep.equal({
        epoch: '0',
        replicationId: /master_replid:(\S+)/.exec(await system.redis.info('replication'))?.[1],
        evictedKeys: '0',
        partitions: 'coupon-lifecycle=3 coupon-assign=3',
      });
      expect(await system.redis.exists(system.keys.rebuildLock)).to.equal(0);
    });

    it('marks every partition of both event topics once, with an id for each marker', async () => {
      await system.rebuild();
      const ids = new Set<string>();
      for (const topic of EVENT_TOPICS) {
        const physical = `${system.events.topicPrefix}${topic}`;
        const ranges = await readLogRanges(system.events.kafka, physical);
        expect(ranges.map(({ to }) => to)).to.deep.equal([1n, 1n, 1n]);
        for (const { value } of await recordsOf(system.events.kafka, physical)) {
          const { name, event } = await system.events.codec.decode(value);
          const marker = toLogEvent(name, event);
          expect(marker).to.include({ type: 'EpochStarted', epoch: 0 });
          expect(Math.abs(Date.now() - marker.occurredAt)).to.be.below(60_000);
          ids.add(marker.eventId);
        }
      }
      expect(ids.size).to.equal(6);
    });

    it('goes past claims and markers that attempts left behind which broke off', async () => {
      await claimEpoch(system.events);
      await claimEpoch(system.events);
      await system.mark(1, 'coupon-assign', 2);
      expect((await system.rebuild()).epoch).to.equal(2);
    });
  });

  for (const [lost, what] of [
    [true, 'is empty'],
    [false, 'still holds everything'],
  ] as const) {
    it(`brings back what was confirmed, field for field, when Redis ${what}`, async () => {
      const { epoch } = await system.rebuild();
      const coupon = await createCoupon(epoch);
      const events = [
        await take(coupon.couponId, epoch, '김민수 🎉', keyed('k1')),
        await take(coupon.couponId, epoch, 'ann'),
        await take(coupon.couponId, epoch, 'ann', keyed('k{2}|,/')),
      ];
      for (const event of events) await settle(event);
      const names = ['k1', 'k{2}|,/'];
      const before = await stateInRedis(system.redis, system.keys, coupon.couponId, names);
      if (lost) await system.wipe();
      const result = await system.rebuild();
      expect(result).to.include({ epoch: epoch + 1, coupons: 1, assignments: 3, fenced: 0 });
      expect(await system.gate()).to.include({ epoch: `${epoch + 1}` });
      const after = await stateInRedis(system.redis, system.keys, coupon.couponId, names);
      expect(after).to.deep.equal({
        ...before,
        coupon: { ...before.coupon, epoch: `${epoch + 1}` },
        keys: Object.fromEntries(
          Object.entries(before.keys).map(([key, record]) => [
            key,
            record.replace(`${epoch}|`, `${epoch + 1}|`),
          ]),
        ),
        unanswered: events.map(({ eventId }) => eventId).sort(),
      });
      expect(await system.redis.smembers(system.keys.coupons)).to.deep.equal([coupon.couponId]);
    });
  }

  it('gives back the units of what never reached the log, and keeps what did, confirmed or not', async () => {
    const { epoch } = await system.rebuild();
    const { couponId } = await createCoupon(epoch, { quantity: 3 });
    const lost = await take(couponId, epoch, 'lost');
    const kept = await take(couponId, epoch, 'kept');
    await system.append([kept]);
    const next = (await system.rebuild()).epoch;
    expect(await system.redis.hget(system.keys.coupon(couponId), 'remaining')).to.equal('2');
    expect(await system.redis.zcard(system.keys.outbox(couponId))).to.equal(0);
    expect(await ask(couponId, next, 'kept')).to.include({ kind: 'accepted' });
    const again = await take(couponId, next, 'lost');
    expect(again.assignmentId).not.to.equal(lost.assignmentId);
    expect(await ask(couponId, next, 'nobody')).to.have.nested.property('refusal.kind', 'sold-out');
  });

  it('goes on with the number after the highest one that counts', async () => {
    const { epoch } = await system.rebuild();
    const { couponId } = await createCoupon(epoch);
    await take(couponId, epoch, 'one');
    await settle(await take(couponId, epoch, 'two'));
    await take(couponId, epoch, 'three');
    const next = (await system.rebuild()).epoch;
    expect((await take(couponId, next, 'four')).sequence).to.equal(3);
  });

  it('gives a user who kept only the second unit the third next, not the second again', async () => {
    const { epoch } = await system.rebuild();
    const { couponId } = await createCoupon(epoch, { perUserLimit: 2 });
    await take(couponId, epoch, 'ann');
    const second = await take(couponId, epoch, 'ann');
    expect(second.nthOfUser).to.equal(2);
    await settle(second);
    const next = (await system.rebuild()).epoch;
    const third = await take(couponId, next, 'ann');
    expect(third.nthOfUser).to.equal(3);
    expect(await ask(couponId, next, 'ann', keyed('new'))).to.have.nested.property(
      'refusal.kind',
      'limit-reached',
    );
  });

  it('counts an event of an older epoch as fenced when it comes after the marker, now and ever after', async () => {
    const { epoch } = await system.rebuild();
    const { couponId } = await createCoupon(epoch, { quantity: 1 });
    const late = await take(couponId, epoch, 'late');
    const next = (await system.rebuild()).epoch;
    const valid = await take(couponId, next, 'quick');
    await system.append([late]);
    await settle(valid);
    await system.append([late, late]);
    const result = await system.rebuild();
    expect(result).to.include({ assignments: 1, fenced: 3 });
    expect(await system.redis.hkeys(system.keys.holders(couponId))).to.deep.equal(['quick']);
  });

  it('counts an event once that is in the log again and again, fenced copies or not', async () => {
    const { epoch } = await system.rebuild();
    const { couponId } = await createCoupon(epoch, { perUserLimit: 3 });
    const event = await take(couponId, epoch, 'ann');
    for (const partition of [0, 1, 2, 0]) await system.append([event], partition);
    await system.rebuild();
    for (const partition of [2, 0]) await system.append([event], partition);
    expect(await system.rebuild()).to.include({ assignments: 1, fenced: 2 });
  });

  describe('with a record that nobody can read', () => {
    const garbage = Buffer.from('what is this');
    const unreadableAt = async (): Promise<string> => {
      const error = (await errorOf(system.attempt())) as AppError;
      expect(error).to.include({ code: 'RECORD_UNREADABLE', retriable: false });
      return error.message;
    };

    it('stays closed after a wipe, names the record and what to do, and claims nothing', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch, { quantity: 1 });
      await system.appendAt([{ topic: 'coupon-assign', partition: 2, value: garbage }]);
      await settle(await take(couponId, epoch, 'ann'));
      await system.wipe();
      expect(await unreadableAt())
        .to.contain("coupon-assign/2 can't be read at offset 1")
        .and.contain('firstcome discard coupon-assign 2 1 --because');
      expect(await system.gate()).to.deep.equal({});
      expect(await system.redis.exists(system.keys.rebuildLock)).to.equal(0);
      const [claims] = await readLogRanges(
        system.events.kafka,
        `${system.events.topicPrefix}${EPOCHS_TOPIC}`,
      );
      expect(claims?.to).to.equal(BigInt(epoch) + 1n);
    });

    it('leaves an open gate open', async () => {
      const { epoch } = await system.rebuild();
      await system.appendBytes('coupon-assign', null);
      await unreadableAt();
      expect(await system.gate()).to.include({ epoch: `${epoch}` });
    });

    it('opens once exactly those records are discarded, and counts them', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch);
      await system.appendBytes('coupon-assign', garbage);
      await system.appendBytes('coupon-assign', null);
      await system.appendBytes('coupon-lifecycle', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]));
      await settle(await take(couponId, epoch, 'ann'));
      await unreadableAt();
      expect(await discardUnreadable(system.events)).to.equal(3);
      expect(await system.rebuild()).to.include({ discarded: 3, coupons: 1, assignments: 1 });
    });

    it('stays closed when other bytes at that place were discarded', async () => {
      await system.rebuild();
      await system.appendBytes('coupon-assign', garbage);
      const position = { topic: 'coupon-assign', partition: 0, offset: 1n };
      await appendDiscard(system.events, [{ position, value: Buffer.from('something else') }]);
      await unreadableAt();
      await appendDiscard(system.events, [{ position, value: garbage }]);
      expect(await system.rebuild()).to.include({ discarded: 1 });
    });
  });

  it('reports assignments of a coupon that the log does not know, and writes none of it', async () => {
    await system.rebuild();
    const stray = assigned({ epoch: 0 });
    await system.append([stray]);
    const result = await system.rebuild();
    expect(result.uncreated).to.deep.equal([stray.couponId]);
    expect(result).to.include({ coupons: 0, assignments: 0 });
    expect(await system.redis.exists(system.keys.coupon(stray.couponId))).to.equal(0);
    expect(await system.redis.exists(system.keys.holders(stray.couponId))).to.equal(0);
  });

  it('leaves nothing of a coupon that only Redis knew, not even when the set of coupons lacked it', async () => {
    const { epoch } = await system.rebuild();
    const nowMs = Date.now();
    const ids = [randomUUID(), randomUUID()];
    for (const couponId of ids) {
      await system.writeModel.create(
        {
          ...{ couponId, title: 'never emitted', quantity: 1, perUserLimit: 1, key: keyed('k') },
          ...{ startDate: nowMs - DAY, endDate: nowMs + DAY },
        },
        epoch,
      );
    }
    await system.redis.srem(system.keys.coupons, ids[0] ?? '');
    const next = (await system.rebuild()).epoch;
    expect(await system.redis.keys(`${system.events.topicPrefix}coupon:*`)).to.deep.equal([]);
    expect(await system.redis.exists(system.keys.coupons)).to.equal(0);
    expect(await ask(ids[0] ?? '', next, 'ann')).to.have.nested.property(
      'refusal.kind',
      'coupon-not-found',
    );
  });

  it('lets a coupon be created anew whose creation was lost', async () => {
    const { epoch } = await system.rebuild();
    const nowMs = Date.now();
    const command = {
      ...{ couponId: randomUUID(), title: 'again', quantity: 1, perUserLimit: 1 },
      ...{ startDate: nowMs - DAY, endDate: nowMs + DAY, key: keyed('k') },
    };
    const lost = await system.writeModel.create(command, epoch);
    const next = (await system.rebuild()).epoch;
    const again = await system.writeModel.create(command, next);
    if (lost.kind !== 'accepted' || again.kind !== 'accepted') throw new Error('not created');
    await system.append([lost.event]);
    await system.append([again.event]);
    const state = initialState();
    reserve(state, again.event);
    state.outbox.clear();
    state.coupon.created = again.event;
    const last = (await system.rebuild()).epoch;
    expect(await stateInRedis(system.redis, system.keys, command.couponId, [])).to.deep.equal(
      stateOf(state, command.couponId, last),
    );
  });

  describe('and idempotency keys', () => {
    it('gives the same answer to the same key, and refuses it for another body', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch);
      const event = await take(couponId, epoch, 'ann', keyed('k'));
      await settle(event);
      await system.wipe();
      const next = (await system.rebuild()).epoch;
      expect(await ask(couponId, next, 'ann', keyed('k'))).to.deep.equal({
        kind: 'repeat',
        eventId: event.eventId,
        waiting: null,
        success: { kind: 'assigned', assignment: heldAs(event) },
      });
      expect(await ask(couponId, next, 'ann', keyed('k', 'another body'))).to.have.nested.property(
        'refusal.kind',
        'key-reused',
      );
    });

    it('lets each live as long as it would have lived, and no longer', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch);
      const nowMs = Date.now();
      await system.append([
        assigned({
          ...{ couponId, epoch, userId: 'young', sequence: 1, occurredAt: nowMs - DAY },
          ...{ idempotencyKey: 'young', requestHash: 'h' },
        }),
        assigned({
          ...{ couponId, epoch, userId: 'old', sequence: 2, occurredAt: nowMs - 2 * DAY - 1_000 },
          ...{ idempotencyKey: 'old', requestHash: 'h' },
        }),
      ]);
      await system.rebuild({ idempotencyTtlMs: 2 * DAY });
      const left = await system.redis.pttl(system.keys.idempotency(couponId, 'young'));
      expect(left).to.be.within(DAY - 60_000, DAY);
      expect(await system.redis.exists(system.keys.idempotency(couponId, 'old'))).to.equal(0);
    });

    it('lets a key be used again whose assignment was lost', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch);
      await take(couponId, epoch, 'ann', keyed('k'));
      const next = (await system.rebuild()).epoch;
      expect((await ask(couponId, next, 'ann', keyed('k', 'another body'))).kind).to.equal(
        'accepted',
      );
    });
  });

  describe('and assignments that may be unanswered', () => {
    it('gives the assignment of the last minute to its user who asks again, and older ones as a limit', async () => {
      const { epoch } = await system.rebuild();
      const { couponId } = await createCoupon(epoch, { perUserLimit: 1 });
      const nowMs = Date.now();
      // An hour ago for this Redis, but the last that the log knows: an outage may be long.
      const recent = assigned({ couponId, epoch, userId: 'recent', occurredAt: nowMs - 3_600_000 });
      const older = assigned({
        ...{ couponId, epoch, userId: 'older', sequence: 2, occurredAt: nowMs - 3_661_000 },
      });
      await system.append([recent, older]);
      const next = (await system.rebuild()).epoch;
      expect(await ask(couponId, next, 'recent')).to.deep.equal({
        kind: 'repeat',
        eventId: recent.eventId,
        waiting: null,
        success: { kind: 'assigned', assignment: heldAs(recent) },
      });
      expect(await ask(couponId, next, 'older')).to.have.nested.property(
        'refusal.kind',
        'limit-reached',
      );
    });
  });

  describe('cannot be done', () => {
    it('while the brokers are away: nothing is closed, and the lock is free again', async () => {
      const { epoch } = await system.rebuild();
      const away = createKafkaClient(
        { brokers: ['127.0.0.1:9'], clientId: 'away' },
        silentLogger(),
      );
      const error = await errorOf(system.attempt({ kafka: away }));
      expect(error).to.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
      expect(await system.gate()).to.include({ epoch: `${epoch}` });
      expect(await system.redis.exists(system.keys.rebuildLock)).to.equal(0);
    });

    it('from a log that has lost its first records: it says so and closes nothing', async () => {
      const { epoch } = await system.rebuild();
      const topic = `${system.events.topicPrefix}coupon-assign`;
      await withAdmin(system.events.kafka, (admin) =>
        admin.deleteRecordsBefore(topic, new Map([[1, 1n]])),
      );
      const error = await errorOf(system.attempt());
      expect(error).to.include({ code: 'TOPIC_MISMATCH', retriable: false });
      expect(error.message).to.contain(
        'coupon-assign/1 begins at 1: the first records were deleted',
      );
      expect(await system.gate()).to.include({ epoch: `${epoch}` });
    });
  });
});
