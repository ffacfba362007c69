import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { collectDiscards } from '../../../contracts/discard.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import { ASSIGN_TOPIC, EPOCHS_TOPIC, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import { readLogRanges, withAdmin } from '../../../platform/kafka/admin.ts';
import { hashOfValue } from '../../../platform/value-hash.ts';
import { judgeLog } from '../../../verifier/judge-log.ts';
import { readEventTopics } from '../../../verifier/read/read-event-topics.ts';
import { listRanges } from '../../../verifier/read/read-topic.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { commandApiVariables } from '../../support/system/addresses.ts';
import { assign, call, createCoupon } from '../../support/system/api.ts';
import { claimEpoch } from '../../support/system/epoch.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { sendWorkload, type Workload } from '../../support/workload/workload.ts';

const QUANTITY = 1_500;
const USERS = Array.from({ length: 2_500 }, (_, n) => `user-${n}`);

describe('The command API and its Redis', function () {
  this.timeout(300_000);
  let events: EventSystem;
  let server: OwnRedis;
  let redis: Redis;
  let keys: RedisKeys;
  let services: ServiceProcess[];

  beforeEach(async () => {
    services = [];
    events = await createEventSystem('api-rebuild-');
    keys = createRedisKeys(events.topicPrefix);
    server = await startOwnRedis();
    redis = await connectRedis(server.url);
  });
  afterEach(async () => {
    await Promise.all(services.map((service) => service.end('SIGTERM')));
    redis?.disconnect();
    await server?.close();
    await events?.cleanup();
  });

  const start = async (settings: Record<string, string> = {}): Promise<ServiceProcess> => {
    const service = await startService('command-api', {
      ...commandApiVariables(events.topicPrefix),
      REDIS_URL: server.url,
      ...settings,
    });
    services.push(service);
    return service;
  };
  const readiness = async ({ url }: ServiceProcess): Promise<string> => {
    const { status, body } = await call('GET', `${url}/health/ready`);
    return status === 200 ? 'ready' : JSON.stringify(body);
  };
  const untilReady = (service: ServiceProcess) =>
    waitUntil('the service is ready', async () => (await readiness(service)) === 'ready');
  const claims = async (): Promise<number> =>
    Number((await readLogRanges(events.kafka, `${events.topicPrefix}${EPOCHS_TOPIC}`))[0]?.to);

  const restartRedis = async (): Promise<void> => {
    server.process.kill('SIGKILL');
    await server.process.exited;
    await server.process.start();
  };

  /** What the log says of this coupon is what the workload was answered, and not one more than there are. */
  const expectNothingLostNothingOversold = async (couponId: string, workload: Workload) => {
    const ranges = await withAdmin(events.kafka, (admin) =>
      listRanges(admin, events.topicPrefix, [LIFECYCLE_TOPIC, ASSIGN_TOPIC]),
    );
    const folded = judgeLog(
      await readEventTopics({
        ...{ ...events, ranges, couponId, discards: collectDiscards([], hashOfValue) },
        progress: () => undefined,
      }),
    );
    const coupon = folded.coupons.get(couponId);
    const inLog = [...(coupon?.assignments.values() ?? [])].flat().map((a) => a.assignmentId);
    const answered = workload.accepted().map(({ body }) => body.assignmentId);
    expect(inLog.length).to.equal(QUANTITY);
    expect(inLog.sort()).to.deep.equal(answered.sort());
    expect(await redis.hget(keys.coupon(couponId), 'remaining')).to.equal('0');
    expect(await redis.zcard(keys.outbox(couponId))).to.equal(0);
    const refused = [...workload.answers.values()].filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ body }) => body.code))).to.deep.equal(new Set(['Coupon-0006']));
    return folded.records.filter(({ kind }) => kind === 'fenced').length;
  };

  /** Sends the workload; `fault` happens when a third of the units is gone. Gives the longest silence in ms. */
  const rush = async (
    targets: ServiceProcess[],
    couponId: string,
    fault: () => Promise<unknown>,
  ) => {
    let next = 0;
    let lastMs = performance.now();
    let silenceMs = 0;
    let injected: Promise<unknown> = Promise.resolve();
    const workload = await sendWorkload(
      () => targets[next++ % targets.length]?.url ?? '',
      couponId,
      USERS,
      {
        atOnce: 50,
        onAccepted: (count) => {
          silenceMs = Math.max(silenceMs, performance.now() - lastMs);
          lastMs = performance.now();
          if (count === Math.floor(QUANTITY / 3)) injected = fault();
        },
      },
    );
    await injected;
    return { workload, silenceMs: Math.round(silenceMs) };
  };

  it('starts with a closed gate, opens the first epoch by itself and gives units', async () => {
    const service = await start();
    await untilReady(service);
    expect(await claims()).to.equal(1);
    const couponId = await createCoupon(service.url);
    expect((await assign(service.url, couponId, 'ann')).status).to.equal(201);
  });

  it('starts again on the same Redis without a new epoch', async () => {
    const first = await start();
    await untilReady(first);
    await first.end('SIGTERM');
    services = [];
    await untilReady(await start());
    expect(await claims()).to.equal(1);
  });

  it('goes on with what it had after Redis was restarted', async () => {
    const service = await start();
    await untilReady(service);
    const couponId = await createCoupon(service.url);
    const given = await assign(service.url, couponId, 'ann', { 'Idempotency-Key': 'k' });
    await restartRedis();
    await waitUntil('a new epoch is claimed', async () => (await claims()) >= 2);
    await untilReady(service);
    expect(await claims()).to.equal(2);
    const again = await assign(service.url, couponId, 'ann', { 'Idempotency-Key': 'k' });
    expect(again.status).to.equal(201);
    expect(again.headers.get('Idempotency-Replayed')).to.equal('true');
    expect(again.body).to.deep.equal(given.body);
  });

  it('finds a wiped Redis without being asked for anything', async () => {
    const service = await start();
    await untilReady(service);
    await redis.flushall();
    await waitUntil(
      'a new epoch is open',
      async () => (await redis.hget(keys.gate, 'epoch')) === '1',
    );
    await untilReady(service);
  });

  it('finds an epoch that was claimed by one who died then', async () => {
    const service = await start();
    await untilReady(service);
    await claimEpoch(events);
    await waitUntil(
      'a new epoch is open',
      async () => (await redis.hget(keys.gate, 'epoch')) === '2',
    );
    await untilReady(service);
  });

  it('rebuilds when the gate does not say which partitions it is open for', async () => {
    const service = await start();
    await untilReady(service);
    await redis.hdel(keys.gate, 'partitions');
    await waitUntil(
      'a new epoch is open',
      async () => (await redis.hget(keys.gate, 'epoch')) === '1',
    );
    expect(await redis.hget(keys.gate, 'partitions')).to.equal(
      'coupon-lifecycle=3 coupon-assign=3',
    );
    await untilReady(service);
  });

  it('rebuilds when a coupon is of another epoch than the gate', async () => {
    const service = await start();
    await untilReady(service);
    const couponId = await createCoupon(service.url);
    await redis.hset(keys.coupon(couponId), { epoch: -1 });
    expect((await assign(service.url, couponId, 'ann')).body.code).to.equal('Coupon-0014');
    await untilReady(service);
    expect((await assign(service.url, couponId, 'ann')).status).to.equal(201);
    expect(await claims()).to.equal(2);
  });

  it('answers 503 with Retry-After at once, however long a rebuild takes', async () => {
    const service = await start({ REBUILD_LAG_MS: '60000' });
    await waitUntil('it rebuilds', async () =>
      (await readiness(service)).includes('being rebuilt: waiting 60000 ms'),
    );
    const tookMs: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const startedMs = performance.now();
      const answer = await assign(service.url, '00000000-0000-4000-8000-000000000000', 'ann');
      tookMs.push(performance.now() - startedMs);
      expect(answer.status).to.equal(503);
      expect(answer.body.code).to.equal('Coupon-0014');
      expect(Number(answer.headers.get('Retry-After'))).to.be.at.least(1);
    }
    // Far less than the rebuild takes, on a busy machine too.
    expect(Math.max(...tookMs)).to.be.below(10_000);
  });

  it('loses nothing and oversells nothing when Redis is wiped in mid-rush', async () => {
    const service = await start();
    await untilReady(service);
    const couponId = await createCoupon(service.url, { quantity: QUANTITY });
    const { workload, silenceMs } = await rush([service], couponId, () => redis.flushall());
    const fenced = await expectNothingLostNothingOversold(couponId, workload);
    console.log(
      `      no unit for ${silenceMs} ms; ${workload.repeats} asked again; ${fenced} events fenced`,
    );
    expect(silenceMs).to.be.below(60_000);
    expect(await claims()).to.equal(2);
  });

  it('rebuilds once for several processes when Redis is killed and comes back in mid-rush', async () => {
    const pair = [await start(), await start()];
    for (const service of pair) await untilReady(service);
    const before = await claims();
    const couponId = await createCoupon(pair[0]?.url ?? '', { quantity: QUANTITY });
    const { workload, silenceMs } = await rush(pair, couponId, restartRedis);
    const fenced = await expectNothingLostNothingOversold(couponId, workload);
    console.log(
      `      no unit for ${silenceMs} ms; ${workload.repeats} asked again; ${fenced} events fenced`,
    );
    expect(await claims()).to.equal(before + 1);
  });

  it('takes over from a process that dies in the middle of a rebuild', async () => {
    const first = await start({ REBUILD_LAG_MS: '60000' });
    await waitUntil('it rebuilds', async () => (await readiness(first)).includes('being rebuilt'));
    const second = await start();
    await waitUntil('the second one waits', async () =>
      (await readiness(second)).includes('no gate in Redis'),
    );
    await first.end('SIGKILL');
    services = [second];
    const startedMs = performance.now();
    await untilReady(second);
    console.log(`      taken over after ${Math.round(performance.now() - startedMs)} ms`);
    expect(await claims()).to.equal(1);
  });

  it('releases the lock when it gets SIGTERM in the middle of a rebuild', async () => {
    const service = await start({ REBUILD_LAG_MS: '60000' });
    await waitUntil('it rebuilds', async () => (await readiness(service)).includes('rebuilt'));
    expect(await service.end('SIGTERM')).to.equal(0);
    services = [];
    expect(await redis.exists(keys.rebuildLock)).to.equal(0);
  });
});
