import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { EpochStarted, LogEvent } from '../../../domain/coupon-events.ts';
import { toLogEvent } from '../../../domain/event-record.ts';
import { createRedisKeys, type RedisKeys } from '../../../domain/redis-keys.ts';
import { EVENT_TOPICS } from '../../../domain/topics.ts';
import { rangesOf, scanLog } from '../../../platform/log-scan.ts';
import { createLogger } from '../../../platform/logger.ts';
import { createRedis } from '../../../platform/redis.ts';
import { type FirstEpoch, openFirstEpoch } from '../../../tools/first-epoch.ts';
import { addressOf } from '../../support/addresses.ts';
import { errorOf } from '../../support/error-of.ts';
import { createEventWorld, type EventWorld } from '../../support/topics.ts';

const NOW = 1_800_000_000_000;

describe('the first epoch', () => {
  let world: EventWorld;
  let redis: Redis;
  let keys: RedisKeys;

  beforeEach(async () => {
    world = await createEventWorld('epoch');
    keys = createRedisKeys(world.topicPrefix);
    redis = createRedis(
      { url: addressOf('REDIS_URL'), commandTimeoutMs: 5_000 },
      createLogger('test', 'error'),
    );
    await redis.connect();
  });
  afterEach(async () => {
    await redis.del(keys.gate, keys.coupons);
    redis.disconnect();
    await world.cleanup();
  });

  const open = (): Promise<FirstEpoch> =>
    openFirstEpoch({ ...world, redis, redisKeyPrefix: world.topicPrefix });

  const send = async (topic: string, messages: { partition?: number; value: Buffer }[]) => {
    const producer = world.kafka.producer();
    await producer.connect();
    await producer.send({ topic: `${world.topicPrefix}${topic}`, acks: -1, messages });
    await producer.disconnect();
  };

  const claim = () =>
    send('coupon-epochs', [
      {
        value: world.codec.encode('coupon-epochs', 'EpochClaimed', {
          claimedBy: 'a run that broke off',
          claimedAt: NOW,
        }),
      },
    ]);

  const markerOf = (epoch: number): EpochStarted => ({
    type: 'EpochStarted',
    eventId: randomUUID(),
    epoch,
    occurredAt: NOW,
  });

  const mark = (epoch: number, partition: number) =>
    send('coupon-assign', [
      { partition, value: world.codec.encode('coupon-assign', 'EpochStarted', markerOf(epoch)) },
    ]);

  const assign = (epoch: number) => {
    const assignmentId = randomUUID();
    return send('coupon-assign', [
      {
        value: world.codec.encode('coupon-assign', 'CouponAssigned', {
          eventId: assignmentId,
          epoch,
          occurredAt: NOW,
          idempotencyKey: null,
          requestHash: null,
          assignmentId,
          couponId: randomUUID(),
          userId: 'user',
          sequence: 1,
          nthOfUser: 1,
        }),
      },
    ]);
  };

  const log = async (topic: string): Promise<Map<number, LogEvent[]>> => {
    const events = new Map<number, LogEvent[]>();
    const physical = `${world.topicPrefix}${topic}`;
    await scanLog(
      world.kafka,
      physical,
      await rangesOf(world.kafka, physical),
      async ({ partition, message }) => {
        const { name, event } = await world.codec.decode(message.value);
        events.set(partition, [...(events.get(partition) ?? []), toLogEvent(name, event)]);
        return undefined;
      },
    );
    return events;
  };

  const replicationId = async (): Promise<string | undefined> =>
    /^master_replid:(\S+)/m.exec(await redis.info('replication'))?.[1];

  it('is epoch 0, the offset of its claim', async () => {
    expect(await open()).to.deep.equal({ kind: 'opened', epoch: 0 });
    const [range] = await rangesOf(world.kafka, `${world.topicPrefix}coupon-epochs`);
    expect(range).to.include({ from: 0n, to: 1n });
  });

  it('marks every partition of both event topics once, with an id for each marker', async () => {
    await open();
    const markers: LogEvent[] = [];
    for (const topic of EVENT_TOPICS) {
      const events = await log(topic);
      expect([...events.keys()].sort(), topic).to.deep.equal([0, 1, 2]);
      for (const [marker, ...more] of events.values()) {
        expect(marker).to.include({ type: 'EpochStarted', epoch: 0 });
        expect(more).to.deep.equal([]);
        if (marker !== undefined) markers.push(marker);
      }
    }
    expect(new Set(markers.map(({ eventId }) => eventId)).size).to.equal(6);
    // By the clock of Redis; the test runs beside it.
    for (const { occurredAt } of markers)
      expect(Math.abs(Date.now() - occurredAt)).to.be.below(60_000);
  });

  it('opens the gate for this Redis and this epoch', async () => {
    await open();
    expect(await redis.hgetall(keys.gate)).to.deep.equal({
      epoch: '0',
      replicationId: await replicationId(),
    });
  });

  it('is opened once: the second run changes nothing', async () => {
    await open();
    await assign(0);
    expect(await open()).to.deep.equal({ kind: 'already-open', epoch: 0 });
    const [range] = await rangesOf(world.kafka, `${world.topicPrefix}coupon-epochs`);
    expect(range?.to).to.equal(1n);
  });

  it('is claimed again after a run that broke off behind its claim', async () => {
    await claim();
    expect(await open()).to.deep.equal({ kind: 'opened', epoch: 1 });
    expect(await open()).to.deep.equal({ kind: 'already-open', epoch: 1 });
  });

  it('is claimed again after a run that broke off amid its markers', async () => {
    await claim();
    await mark(0, 0);
    await mark(0, 2);
    expect(await open()).to.deep.equal({ kind: 'opened', epoch: 1 });
    const events = await log('coupon-assign');
    const epochs = [0, 1, 2].map((p) => events.get(p)?.map(({ epoch }) => epoch));
    expect(epochs).to.deep.equal([[0, 1], [1], [0, 1]]);
  });

  it('is claimed again when another run claimed after the gate was opened, and nothing was decided', async () => {
    await open();
    await claim();
    expect(await open()).to.deep.equal({ kind: 'opened', epoch: 2 });
    expect((await redis.hgetall(keys.gate)).epoch).to.equal('2');
  });

  it('is claimed again when Redis was restarted before anything was decided', async () => {
    await open();
    await redis.hset(keys.gate, 'replicationId', 'before-the-restart');
    expect(await open()).to.deep.equal({ kind: 'opened', epoch: 1 });
    expect(await redis.hget(keys.gate, 'replicationId')).to.equal(await replicationId());
  });

  it('survives runs at the same time: the last state is one open gate of the newest claim', async () => {
    const runs = await Promise.all(
      [1, 2, 3].map(() => open().catch((error: { code: string; retriable: boolean }) => error)),
    );
    for (const run of runs.filter((run) => 'code' in run)) {
      expect(run).to.include({ code: 'EPOCH_CLOSED', retriable: true });
    }
    const settled = await open();
    expect(settled.kind).to.be.oneOf(['opened', 'already-open']);
    const [range] = await rangesOf(world.kafka, `${world.topicPrefix}coupon-epochs`);
    const gate = await redis.hget(keys.gate, 'epoch');
    expect(BigInt(gate ?? -1) + 1n).to.equal(range?.to);
    expect((await open()).kind).to.equal('already-open');
  });

  describe('is not opened, because Redis has to be rebuilt,', () => {
    const refused = async (says: string): Promise<void> => {
      const found = await open();
      expect(found.kind).to.equal('rebuild-needed');
      expect(found.kind === 'rebuild-needed' && found.reason).to.contain(says);
    };
    const claims = async (): Promise<bigint | undefined> =>
      (await rangesOf(world.kafka, `${world.topicPrefix}coupon-epochs`))[0]?.to;

    it('when the gate is gone and the log holds events', async () => {
      await open();
      await assign(0);
      await redis.del(keys.gate);
      await refused('Redis has no gate, and coupon-assign holds events');
      expect(await claims()).to.equal(1n);
      expect(await redis.exists(keys.gate)).to.equal(0);
    });

    it('when the gate is gone and the log holds a record that nobody can read', async () => {
      await send('coupon-lifecycle', [{ value: Buffer.from('what is this') }]);
      await refused('coupon-lifecycle holds events');
    });

    it('when Redis was restarted after a decision', async () => {
      await open();
      await redis.sadd(keys.coupons, randomUUID());
      await redis.hset(keys.gate, 'replicationId', 'before-the-restart');
      await refused('before its restart, and Redis knows coupons');
      expect(await redis.hget(keys.gate, 'replicationId')).to.equal('before-the-restart');
    });

    it('when an epoch was claimed after the gate was opened, and the log holds events', async () => {
      await open();
      await assign(0);
      await claim();
      await refused('the gate is of epoch 0, the newest claim 1');
    });
  });

  it('says that Redis is away', async () => {
    const gone = createRedis(
      { url: 'redis://127.0.0.1:9', commandTimeoutMs: 500 },
      createLogger('test', 'silent'),
    );
    const error = await errorOf(
      openFirstEpoch({ ...world, redis: gone, redisKeyPrefix: world.topicPrefix }),
    );
    gone.disconnect();
    expect(error).to.include({ code: 'REDIS_UNAVAILABLE', retriable: true });
  });
});
