import { expect } from 'chai';
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { type Verification, verify } from '../../../verifier/verify.ts';
import {
  buildSystem,
  findRecord,
  type System,
  strangeId,
} from '../../unit/verifier/fixture-system.ts';
import { createVerifiedSystem, type VerifiedSystem } from './verified-system.ts';

describe('a verification of real servers', () => {
  let made: System;
  let real: VerifiedSystem;

  before(async () => {
    made = buildSystem({
      coupons: [
        { spare: 10, perUserLimit: 2, takers: [1, 2] },
        { spare: 10, perUserLimit: 3, takers: [1, 1, 3, 4] },
        { spare: 10, perUserLimit: 2, takers: [] },
      ],
      newEpochAfter: 5,
      oddities: [
        'nothing',
        'repeat',
        'unreadable',
        'fenced stranger',
        'retried',
        'nothing',
        'nothing',
        'fenced copy',
        'repeat',
      ],
      late: 0,
      onTheWay: 0,
    });
    real = await createVerifiedSystem(made.facts);
  });

  after(() => real.drop());

  const verifyNow = (): Promise<Verification> =>
    verify(real.settings, { waitMs: 0, ...(made.facts.ledger && { ledger: made.facts.ledger }) });

  it('finds nothing in a clean system, and has read all of it', async () => {
    const verification = await verifyNow();
    expect(breachesOf(verification)).to.deep.equal({});
    expect(verification.ok).to.equal(true);
    expect(verification.notArrived).to.deep.equal([]);
    expect(verification.writtenMeanwhile).to.equal(0);
    const numbers = Object.fromEntries(
      verification.findings.map((finding) => [finding.invariant, finding.numbers]),
    );
    expect(numbers[1]).to.deep.equal({
      coupons: 3,
      'in the log': 18,
      'in the tables': 18,
      'in Redis': 18,
    });
    expect(numbers[8]).to.deep.equal({
      applied: 20,
      repeated: 2,
      fenced: 2,
      marker: 12,
      'dead-lettered': 2,
      none: 0,
      several: 0,
    });
  });

  it('reads MariaDB alike', async () => {
    const other = await createVerifiedSystem(made.facts, 'MARIADB_URL');
    try {
      expect(breachesOf(await verify(other.settings, { waitMs: 0 }))).to.deep.equal({});
    } finally {
      await other.drop();
    }
  });

  it('reads one coupon alone', async () => {
    const { couponId } = made.plain;
    const { ok, findings } = await verify(real.settings, { waitMs: 0, couponId });
    expect(ok).to.equal(true);
    expect(findings[0]?.numbers).to.deep.equal({
      coupons: 1,
      'in the log': 8,
      'in the tables': 8,
      'in Redis': 8,
    });
  });

  it('reads again when Redis was rebuilt meanwhile', async () => {
    const key = real.keys.holders(made.plain.couponId);
    const holders = await real.redis.hgetall(key);
    const gateEpoch = await real.redis.hget(real.keys.gate, 'epoch');
    await real.redis.multi().del(key).hset(real.keys.gate, 'epoch', 1_000).exec();
    const steps: string[] = [];
    let rebuilt: Promise<unknown> | null = null;
    const verification = await verify(real.settings, {
      waitMs: 0,
      progress: (step) => {
        steps.push(step);
        if (step !== 'reading the tables') return;
        rebuilt ??= real.redis
          .multi()
          .hset(key, holders)
          .hset(real.keys.gate, 'epoch', gateEpoch ?? '')
          .exec();
      },
    });
    await rebuilt;
    expect(breachesOf(verification)).to.deep.equal({});
    expect(steps.filter((step) => step === 'reading Redis')).to.have.lengthOf(2);
  });

  /** What a verification finds between the two; the system is clean again afterwards. */
  const verifyBetween = async (
    plant: () => Promise<unknown>,
    mend: () => Promise<unknown>,
  ): Promise<Verification> => {
    await plant();
    try {
      return await verifyNow();
    } finally {
      await mend();
    }
  };

  describe('finds exactly what is wrong in Redis:', () => {
    const couponKey = (): string => real.keys.coupon(made.plain.couponId);

    it('a unit that leaked breaks 4', async () => {
      const verification = await verifyBetween(
        () => real.redis.hincrby(couponKey(), 'remaining', -1),
        () => real.redis.hincrby(couponKey(), 'remaining', 1),
      );
      expect(brokenIn(verification)).to.deep.equal([4]);
    });

    it('stock below zero breaks 1 and 4', async () => {
      const verification = await verifyBetween(
        () => real.redis.hincrby(couponKey(), 'remaining', -1_000),
        () => real.redis.hincrby(couponKey(), 'remaining', 1_000),
      );
      expect(brokenIn(verification)).to.deep.equal([1, 4]);
    });

    it('an event that stays in the outbox breaks 4, and is waited for in vain', async () => {
      const outbox = real.keys.outbox(made.plain.couponId);
      const verification = await verifyBetween(
        () => real.redis.zadd(outbox, Date.now() - 60_000, strangeId()),
        () => real.redis.del(outbox),
      );
      expect(brokenIn(verification)).to.deep.equal([4]);
      expect(verification.notArrived).to.deep.equal(['1 event(s) in outboxes']);
    });

    it('a holder that was forgotten breaks 4', async () => {
      const key = real.keys.holders(made.plain.couponId);
      const holders = await real.redis.hgetall(key);
      const verification = await verifyBetween(
        () => real.redis.hdel(key, Object.keys(holders)[0] ?? ''),
        () => real.redis.hset(key, holders),
      );
      expect(brokenIn(verification)).to.deep.equal([4]);
    });

    it('a wiped Redis breaks 4', async () => {
      const { coupons, gate } = real.keys;
      const verification = await verifyBetween(
        async () => {
          await real.redis.rename(coupons, `${coupons}:aside`);
          await real.redis.rename(gate, `${gate}:aside`);
        },
        async () => {
          await real.redis.rename(`${coupons}:aside`, coupons);
          await real.redis.rename(`${gate}:aside`, gate);
        },
      );
      expect(brokenIn(verification)).to.deep.equal([4]);
      // The gate, three coupons, and their 18 assignments.
      const finding = verification.findings.find(({ invariant }) => invariant === 4);
      expect(finding?.breaches.count).to.equal(1 + 3 + 18);
    });
  });

  describe('finds exactly what is wrong in the tables:', () => {
    it('a row that is missing breaks 5, 7 and 8', async () => {
      const id = made.assigned[0]?.assignmentId;
      const [row] = await real.db('assignments').where({ id });
      const counter = real.db('coupon_counters').where('coupon_id', row.coupon_id);
      const verification = await verifyBetween(
        async () => {
          await real.db('assignments').where({ id }).delete();
          await counter.clone().decrement('issued', 1);
        },
        async () => {
          await real.db('assignments').insert(row);
          await counter.clone().increment('issued', 1);
        },
      );
      expect(brokenIn(verification)).to.deep.equal([5, 7, 8]);
    });

    it('a row that is a millisecond off what a client was answered breaks 3 and 5', async () => {
      const id = made.watchedAssigned[0]?.assignmentId ?? '';
      const shift = (microseconds: number): Promise<unknown> =>
        real
          .db('assignments')
          .where({ id })
          .update({
            assigned_at: real.db.raw('assigned_at + INTERVAL ? MICROSECOND', [microseconds]),
          });
      const verification = await verifyBetween(
        () => shift(1_000),
        () => shift(-1_000),
      );
      expect(brokenIn(verification)).to.deep.equal([3, 5]);
    });

    it('a title in other code points breaks 5', async () => {
      const { couponId: id, title } = made.plain;
      const retitle = (to: string): Promise<unknown> =>
        real.db('coupons').where({ id }).update({ title: to });
      const verification = await verifyBetween(
        () => retitle(title.normalize('NFD')),
        () => retitle(title),
      );
      expect(brokenIn(verification)).to.deep.equal([5]);
    });

    it('a counter that is wrong breaks 5', async () => {
      const counter = real.db('coupon_counters').where('coupon_id', made.plain.couponId);
      const verification = await verifyBetween(
        () => counter.clone().increment('issued', 1),
        () => counter.clone().decrement('issued', 1),
      );
      expect(brokenIn(verification)).to.deep.equal([5]);
    });

    it('a checkpoint past the end of its partition breaks 7 and 8', async () => {
      const checkpoint = real
        .db('projection_checkpoints')
        .where({ topic: LIFECYCLE_TOPIC, partition_id: 0 });
      const verification = await verifyBetween(
        () => checkpoint.clone().increment('next_offset', 1),
        () => checkpoint.clone().decrement('next_offset', 1),
      );
      expect(brokenIn(verification)).to.deep.equal([7, 8]);
    });

    it('a record that is applied and waits for an operator breaks 8', async () => {
      const { partition, offset } = findRecord(made.facts, made.assigned[0]?.eventId ?? '');
      const record = {
        topic: partition.topic,
        partition_id: partition.partition,
        record_offset: offset,
      };
      const verification = await verifyBetween(
        () =>
          real.db('dead_letters').insert({
            ...record,
            headers: '{}',
            reason_code: 'RECORD_REJECTED',
            reason: 'planted',
            attempts: 5,
            failed_at: new Date(),
          }),
        () => real.db('dead_letters').where(record).delete(),
      );
      expect(brokenIn(verification)).to.deep.equal([8]);
    });
  });

  it('finds an answer about an assignment that never happened: 3', async () => {
    const ledger = structuredClone(made.facts.ledger);
    if (ledger === null) throw new Error('no ledger');
    ledger.accepted.push({ assignmentId: strangeId(), userId: 'x', sequence: 77, assignedAt: 1 });
    expect(brokenIn(await verify(real.settings, { waitMs: 0, ledger }))).to.deep.equal([3]);
  });

  it('waits for what is under way, and says so', async () => {
    const outbox = real.keys.outbox(made.plain.couponId);
    await real.redis.zadd(outbox, Date.now() - 60_000, strangeId());
    const steps: string[] = [];
    const verification = await verify(real.settings, {
      waitMs: 10_000,
      progress: (step) => {
        steps.push(step);
        if (step.startsWith('waiting')) void real.redis.del(outbox);
      },
    });
    expect(verification.ok).to.equal(true);
    expect(verification.notArrived).to.deep.equal([]);
    expect(steps).to.include('waiting: 1 event(s) in outboxes');
  });

  // What is appended stays: each of these repairs the system around what it has written.
  describe('finds exactly what is wrong in the log:', () => {
    const consume = (offset: number, counter: string): Promise<unknown> =>
      real
        .db('projection_checkpoints')
        .where({ topic: ASSIGN_TOPIC, partition_id: 0 })
        .update({ next_offset: offset + 1 })
        .increment(counter, 1);

    it('a record that the projection has not reached breaks 5', async () => {
      const offset = await real.append(ASSIGN_TOPIC, 0, null);
      const verification = await verifyNow();
      expect(brokenIn(verification)).to.deep.equal([5]);
      expect(verification.notArrived).to.deep.equal(['the projection is 1 record(s) behind']);
      await consume(offset, 'dead_lettered');

      // Consumed, and in no dead letter topic.
      expect(brokenIn(await verifyNow())).to.deep.equal([8]);
      await real.deadLetter(ASSIGN_TOPIC, 0, offset);
      expect(brokenIn(await verifyNow())).to.deep.equal([]);
    });

    it('an event that Redis never decided breaks 4', async () => {
      const event = strangeAssignment(made);
      const offset = await real.append(ASSIGN_TOPIC, 0, event);
      await real.db('assignments').insert({
        id: event.assignmentId,
        coupon_id: event.couponId,
        user_id: event.userId,
        nth_of_user: event.nthOfUser,
        sequence: event.sequence,
        assigned_at: new Date(event.occurredAt),
        epoch: event.epoch,
      });
      await real.db('coupon_counters').where('coupon_id', event.couponId).increment('issued', 1);
      await consume(offset, 'applied');
      expect(brokenIn(await verifyNow())).to.deep.equal([4]);
    });
  });
});

function strangeAssignment({ plain, facts }: System): CouponAssigned {
  return {
    type: 'CouponAssigned',
    eventId: strangeId(),
    epoch: facts.redis.gateEpoch ?? 0,
    occurredAt: plain.occurredAt,
    idempotencyKey: null,
    requestHash: null,
    assignmentId: strangeId(),
    couponId: plain.couponId,
    userId: 'nobody',
    sequence: 5_000,
    nthOfUser: 1,
  };
}

function brokenIn({ findings }: Verification): number[] {
  return findings.filter(({ ok }) => !ok).map(({ invariant }) => invariant);
}

function breachesOf({ findings }: Verification): Record<number, string[]> {
  return Object.fromEntries(
    findings
      .filter(({ ok }) => !ok)
      .map(({ invariant, breaches }) => [invariant, breaches.examples]),
  );
}
