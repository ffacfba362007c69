import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated } from '../../../domain/coupon-events.ts';
import { readLogRanges } from '../../../platform/kafka/admin.ts';
import { createRedis } from '../../../platform/redis.ts';
import { acquireLock } from '../../../redis-rebuild/lock.ts';
import type { RebuildOptions } from '../../../redis-rebuild/rebuild.ts';
import { errorOf } from '../../support/error-of.ts';
import { evictVolatileKeys } from '../../support/faults/evict-keys.ts';
import { createTcpProxy } from '../../support/faults/tcp-proxy.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createRebuildSystem, DAY, type RebuildSystem } from './rebuild-system.ts';

/** The lines that a rebuild reports when a part is done. */
const PARTS = [
  ...['locked', 'no snapshot', 'read ahead'],
  ...['claimed', 'closed', 'marked', 'read to the markers', 'wrote'],
];

describe('The fences of a rebuild', () => {
  let server: OwnRedis;
  let system: RebuildSystem;
  let redis: Redis;
  let epoch: number;
  let couponId: string;
  /** Confirmed and in the log. */
  let kept: CouponAssigned;
  /** In the outbox only. */
  let lost: CouponAssigned;

  before(async function () {
    this.timeout(180_000);
    server = await startOwnRedis();
    system = await createRebuildSystem(server.url);
    redis = system.redis;
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
    await server?.close();
  });
  beforeEach(async () => {
    await redis.flushall();
    epoch = (await system.rebuild()).epoch;
    couponId = randomUUID();
    const created = await create(epoch);
    if (created.kind !== 'accepted') throw new Error(created.kind);
    await system.append([created.event]);
    await confirm(created.event);
    kept = await take('kept');
    await system.append([kept]);
    await confirm(kept);
    lost = await take('lost');
  });

  const create = (inEpoch: number) =>
    system.writeModel.create(
      {
        ...{ couponId, title: 'fenced', quantity: 5, perUserLimit: 1 },
        key: keyed('created'),
        ...{ startDate: Date.now() - DAY, endDate: Date.now() + DAY },
      },
      inEpoch,
    );
  const ask = (userId: string, inEpoch: number) =>
    system.writeModel.assign({ couponId, assignmentId: randomUUID(), userId, key: null }, inEpoch);
  const take = async (userId: string): Promise<CouponAssigned> => {
    const outcome = await ask(userId, epoch);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    return outcome.event;
  };
  const confirm = (event: CouponCreated | CouponAssigned) =>
    system.writeModel.confirm({
      ...{ couponId, epoch: event.epoch, eventIds: [event.eventId] },
      creationId: event.type === 'CouponCreated' ? event.eventId : null,
    });
  /** Does something at once after a part is done; on the same connection, so before the next step. */
  const onceDone = (part: string, act: () => unknown): Partial<RebuildOptions> => ({
    report: (line) => {
      if (line.startsWith(part)) act();
    },
  });
  const claims = async (): Promise<bigint> =>
    (await readLogRanges(system.events.kafka, `${system.events.topicPrefix}${EPOCHS_TOPIC}`))[0]
      ?.to ?? 0n;
  const expectRebuiltNext = async (): Promise<void> => {
    const next = await system.rebuild();
    expect(await system.gate()).to.include({ epoch: `${next.epoch}` });
    expect(await redis.hget(system.keys.coupon(couponId), 'remaining')).to.equal('4');
    expect(await redis.hkeys(system.keys.holders(couponId))).to.deep.equal(['kept']);
  };

  describe('among several who want to', () => {
    it('let exactly one through, who is alone in the gate', async () => {
      const others = await Promise.all([1, 2, 3].map(() => connectRedis(server.url)));
      const results = await Promise.all(others.map((each) => system.attempt({ redis: each })));
      for (const each of others) each.disconnect();
      expect(results.map(({ kind }) => kind).sort()).to.deep.equal([
        'held-by-another',
        'held-by-another',
        'rebuilt',
      ]);
      expect(await claims()).to.equal(BigInt(epoch) + 2n);
      expect(await system.gate()).to.include({ epoch: `${epoch + 1}` });
    });

    it('claim nothing for one who comes when it is done', async () => {
      expect(await system.attempt({ isNeeded: async () => false })).to.deep.equal({
        kind: 'not-needed',
      });
      expect(await claims()).to.equal(BigInt(epoch) + 1n);
      expect(await redis.exists(system.keys.rebuildLock)).to.equal(0);
    });

    it('wait for the lock of one who died, and no longer', async () => {
      await redis.set(system.keys.rebuildLock, 'the token of one who died', 'PX', 60_000);
      expect(await system.attempt()).to.deep.equal({ kind: 'held-by-another' });
      await redis.pexpire(system.keys.rebuildLock, 100);
      await waitUntil('the lock has expired', async () => {
        const { kind } = await system.attempt();
        return kind === 'rebuilt';
      });
    });

    it('refuse one who was stalled while another did it', async () => {
      const link = await createTcpProxy('127.0.0.1', server.port);
      const settings = { url: `redis://127.0.0.1:${link.port}`, commandTimeoutMs: 30_000 };
      const stalled = createRedis(settings, silentLogger());
      await stalled.connect();
      const isStalled = Promise.withResolvers<void>();
      const slow = system.attempt({
        redis: stalled,
        ...onceDone('marked', () => {
          link.stall();
          isStalled.resolve();
        }),
      });
      await isStalled.promise;
      await redis.del(system.keys.rebuildLock);
      const quick = await system.rebuild();
      const own = await ask('own', quick.epoch);
      link.mend();
      const result = await slow;
      expect(result.kind).to.equal('lost');
      expect(await system.gate()).to.include({ epoch: `${quick.epoch}` });
      expect(own.kind).to.equal('accepted');
      expect(await redis.hexists(system.keys.holders(couponId), 'own')).to.equal(1);
      stalled.disconnect();
      await link.close();
    });
  });

  describe('once Redis is closed', () => {
    it('let nothing of the old epoch through, nor of the new one', async () => {
      const replies: Promise<{ kind: string }>[] = [];
      await system.rebuild(
        onceDone('closed', () => {
          for (const each of [epoch, epoch + 1]) {
            replies.push(create(each), ask('late', each));
          }
          replies.push(confirm(lost), confirm(kept));
        }),
      );
      expect((await Promise.all(replies)).map(({ kind }) => kind)).to.deep.equal(
        Array(6).fill('closed'),
      );
    });

    it('let no confirmation of the old epoch through after it was opened again', async () => {
      await system.rebuild();
      expect(await confirm(lost)).to.deep.equal({ kind: 'closed' });
      expect(await confirm(kept)).to.deep.equal({ kind: 'closed' });
      expect((await ask('late', epoch)).kind).to.equal('closed');
    });
  });

  for (const part of PARTS) {
    describe(`after the part "${part}"`, () => {
      const expectLost = async (changes: Partial<RebuildOptions>): Promise<string> => {
        const result = await system.attempt(changes);
        expect(result.kind).to.equal('lost');
        expect(await system.gate()).not.to.include({ epoch: `${epoch + 1}` });
        return result.kind === 'lost' ? result.reason : '';
      };

      it('stop everything when the lock is gone', async () => {
        const reason = await expectLost(onceDone(part, () => redis.del(system.keys.rebuildLock)));
        expect(reason).to.contain('the lock is gone');
        await expectRebuiltNext();
      });

      it("stop everything when the lock is another's, and leave it to him", async () => {
        const { rebuildLock } = system.keys;
        await expectLost(onceDone(part, () => redis.set(rebuildLock, 'of another', 'PX', 60_000)));
        expect(await redis.get(rebuildLock)).to.equal('of another');
        await redis.del(rebuildLock);
        await expectRebuiltNext();
      });

      it('stop everything when Redis was wiped', async () => {
        await expectLost(onceDone(part, () => redis.flushall()));
        expect(await system.gate()).to.deep.equal({});
        await expectRebuiltNext();
      });

      it('stop everything when this Redis became another master', async () => {
        const reason = await expectLost(
          onceDone(part, () => {
            void redis.replicaof('127.0.0.1', 9);
            void redis.replicaof('NO', 'ONE');
          }),
        );
        expect(reason).to.contain('not the master');
        await expectRebuiltNext();
      });
    });
  }

  it('do not open a gate over keys that were evicted meanwhile', async () => {
    const result = await system.attempt(
      onceDone('wrote', () => {
        // Its own lock expires, too.
        void redis.persist(system.keys.rebuildLock);
        void evictVolatileKeys(redis, system.keys.idempotency(couponId, 'key'));
      }),
    );
    expect(result.kind).to.equal('lost');
    expect(result.kind === 'lost' && result.reason).to.contain('evicted keys');
    expect(await system.gate()).to.include({ closing: `${epoch + 1}` });
    await expectRebuiltNext();
  });

  describe('before the claim', () => {
    it('claim nothing on a Redis that may throw keys away', async () => {
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const result = await system.attempt();
      await redis.config('SET', 'maxmemory-policy', 'noeviction');
      expect(result.kind === 'lost' && result.reason).to.contain('maxmemory-policy');
      expect(await claims()).to.equal(BigInt(epoch) + 1n);
    });

    it('wait as long as an old master may still take writes', async () => {
      const result = await system.rebuild({
        lagMs: 400,
      });
      expect(result.parts.wait).to.be.at.least(400);
    });

    it('claim nothing when the lock is lost during that wait', async () => {
      const before = await claims();
      const result = await system.attempt({
        lagMs: 300,
        ...onceDone('locked', () => redis.del(system.keys.rebuildLock)),
      });
      expect(result.kind).to.equal('lost');
      expect(await claims()).to.equal(before);
      expect(await system.gate()).to.include({ epoch: `${epoch}` });
    });

    it('claim nothing on a replica', async () => {
      await redis.replicaof('127.0.0.1', 9);
      expect(await system.attempt()).to.deep.equal({
        kind: 'lost',
        reason: 'this Redis is not a master',
      });
      expect(await claims()).to.equal(BigInt(epoch) + 1n);
      await redis.replicaof('NO', 'ONE');
    });
  });

  describe('against a higher epoch than the one claimed', () => {
    it('give up when the log holds its marker, say which, and get past it in the end', async () => {
      await system.mark(epoch + 3, 'coupon-lifecycle', 1);
      for (const claimed of [epoch + 1, epoch + 2, epoch + 3]) {
        const result = await system.attempt();
        expect(result.kind === 'lost' && result.reason)
          .to.contain('coupon-lifecycle/1')
          .and.contain(`epoch ${epoch + 3}`);
        expect(await system.gate()).to.include({ closing: `${claimed}` });
      }
      await expectRebuiltNext();
    });

    it('give up when the log holds its event', async () => {
      await system.append([{ ...lost, epoch: epoch + 1 }], 2);
      const result = await system.attempt();
      expect(result.kind === 'lost' && result.reason).to.contain('coupon-assign/2');
      expect(await system.gate()).to.include({ closing: `${epoch + 1}` });
      await system.rebuild();
    });

    it('give up when the gate is of that epoch, or about to be', async () => {
      await redis.hset(system.keys.gate, { epoch: epoch + 1 });
      expect((await system.attempt()).kind).to.equal('lost');
      expect(await system.gate()).to.include({ epoch: `${epoch + 1}` });
      await redis.del(system.keys.gate);
      await redis.hset(system.keys.gate, { closing: epoch + 2 });
      expect((await system.attempt()).kind).to.equal('lost');
      await expectRebuiltNext();
    });

    it('give up when a coupon is of a higher one, and touch none', async () => {
      await redis.hset(system.keys.coupon(couponId), { epoch: epoch + 2 });
      expect((await system.attempt()).kind).to.equal('lost');
      expect(await redis.hlen(system.keys.holders(couponId))).to.equal(2);
      expect(await redis.hget(system.keys.coupon(couponId), 'epoch')).to.equal(`${epoch + 2}`);
      await expectRebuiltNext();
    });
  });

  describe('with a lock', () => {
    const take = async () => {
      const attempt = await acquireLock(redis, system.keys);
      if (attempt.kind !== 'acquired') throw new Error(attempt.kind);
      return attempt.lock;
    };

    it('take none for their own that was lost and is held again', async () => {
      const lost = await take();
      await redis.del(system.keys.rebuildLock);
      const held = await take();
      expect(await errorOf(lost.renew())).to.include({ code: 'EPOCH_CLOSED' });
      await lost.release();
      expect(await redis.exists(system.keys.rebuildLock)).to.equal(1);
      await held.release();
      expect(await redis.exists(system.keys.rebuildLock)).to.equal(0);
    });

    it('are not in the way when Redis was away at their end, and came back with the lock', async () => {
      const own = await connectRedis(server.url);
      const attempt = await acquireLock(own, system.keys);
      if (attempt.kind !== 'acquired') throw new Error(attempt.kind);
      const ended = once(own, 'end');
      own.disconnect();
      await ended;
      await attempt.lock.release();
      expect(await redis.exists(system.keys.rebuildLock)).to.equal(1);
      // It would never expire by itself.
      await redis.persist(system.keys.rebuildLock);
      await own.connect();
      await waitUntil(
        'the lock is free',
        async () => (await redis.exists(system.keys.rebuildLock)) === 0,
      );
      own.disconnect();
    });

    it('touch nothing once the gate is closed for another epoch', async () => {
      const lock = await take();
      const [mine, another] = [epoch + 1, epoch + 2];
      await lock.run('close-gate', mine, [], []);
      await redis.hset(system.keys.gate, { closing: another });
      const { coupon, holders, outbox, outboxEvents, unanswered } = system.keys;
      const touched = [coupon, holders, outbox, outboxEvents, unanswered].map((of) => of(couponId));
      for (const refused of [
        lock.run('close-coupons', mine, touched, []),
        lock.run('open-gate', mine, [], ['']),
      ]) {
        expect(await errorOf(refused)).to.include({ code: 'EPOCH_CLOSED' });
      }
      await lock.release();
      expect(await redis.hlen(holders(couponId))).to.equal(2);
      expect(await system.gate()).to.include({ closing: `${another}` });
    });
  });

  it('release the lock when the process is stopped midway', async () => {
    for (const part of PARTS.slice(0, -1)) {
      const stop = new AbortController();
      const error = await errorOf(
        system.attempt({
          signal: stop.signal,
          ...onceDone(part, () => stop.abort(new Error('stop'))),
        }),
      ).catch(() => undefined);
      if (error !== undefined) expect(error.message).to.equal('stop');
      expect(await redis.exists(system.keys.rebuildLock), part).to.equal(0);
    }
    await expectRebuiltNext();
  });
});
