import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { createGate, type Gate } from '../../../command-api/gate/gate.ts';
import { createNewestClaim, type NewestClaim } from '../../../command-api/gate/newest-claim.ts';
import { createMasterCheck } from '../../../command-api/outbox/master-check.ts';
import { formatPartitions } from '../../../contracts/partitions.ts';
import { createRedisKeys } from '../../../contracts/redis-keys.ts';
import { EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import { messageOf } from '../../../platform/errors.ts';
import { type KafkaAdmin, openAdmin } from '../../../platform/kafka/admin.ts';
import { createEndOffsetsReader } from '../../../platform/kafka/end-offsets.ts';
import { createRedis } from '../../../platform/redis.ts';
import { readReplication } from '../../../platform/redis-server.ts';
import { evictVolatileKeys } from '../../support/faults/evict-keys.ts';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { claimEpoch, openEpoch } from '../../support/system/epoch.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PARTITIONS = { 'coupon-lifecycle': 3, 'coupon-assign': 4 };

describe('The gate', () => {
  let system: EventSystem;
  let admin: KafkaAdmin;
  let newestClaim: NewestClaim;
  let keys: ReturnType<typeof createRedisKeys>;
  let server: OwnRedis;
  let link: TcpProxy;
  /** Straight to Redis, beside the link of the process under test. */
  let direct: Redis;
  let redis: Redis;
  let gate: Gate;
  let broken: string | null;
  const brokenAssumption = (): string | null => broken;

  const openGate = (claim: NewestClaim = newestClaim): Gate => {
    gate = createGate({
      ...{ redis, keys, newestClaim: claim, brokenAssumption },
      logger: silentLogger(),
    });
    return gate;
  };
  const untilOpen = (which = gate) =>
    waitUntil('the gate is open', () => {
      const state = which.state();
      return state.kind === 'open' && state.epoch;
    });
  const untilClosed = (reason: string) =>
    waitUntil(`the gate is closed: ${reason}`, () => {
      const state = gate.state();
      return state.kind === 'closed' && state.reason.includes(reason);
    });

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('gate-');
    keys = createRedisKeys(system.topicPrefix);
    admin = await openAdmin(system.kafka);
    newestClaim = createNewestClaim(
      createEndOffsetsReader(admin, `${system.topicPrefix}${EPOCHS_TOPIC}`, 10_000),
    );
  });
  after(async function () {
    this.timeout(180_000);
    await admin?.close();
    await system?.cleanup();
  });
  beforeEach(async () => {
    broken = null;
    server = await startOwnRedis();
    link = await createTcpProxy('127.0.0.1', server.port);
    direct = await connectRedis(server.url);
    redis = createRedis(
      { url: `redis://127.0.0.1:${link.port}`, commandTimeoutMs: 1_500 },
      silentLogger(),
    );
    await redis.connect();
  });
  afterEach(async () => {
    await gate?.close();
    redis.disconnect();
    direct.disconnect();
    await link.close();
    await server.close();
  });

  /** Makes Redis agree with `epoch`, as the end of a rebuild does. */
  const agreeOn = async (epoch: number): Promise<void> => {
    const replicationId = /master_replid:(\S+)/.exec(await direct.info('replication'))?.[1] ?? '';
    await direct.hset(keys.gate, {
      epoch,
      replicationId,
      partitions: formatPartitions(PARTITIONS),
    });
  };

  it('is closed before it was compared, and without a gate in Redis, and opens by itself', async () => {
    openGate();
    expect(gate.state()).to.deep.equal({ kind: 'closed', reason: 'not compared yet' });
    await untilClosed('no gate in Redis');
    const epoch = await openEpoch(system, direct);
    expect(await untilOpen()).to.equal(epoch);
  });

  it('is closed on another Redis than the one it was opened on', async () => {
    await agreeOn(await claimEpoch(system));
    await direct.hset(keys.gate, { replicationId: 'another' });
    openGate();
    await untilClosed('not the one');
  });

  for (const [what, partitions] of [
    ['does not say which partitions it is open for', null],
    ['says it in words that nobody knows', 'coupon-assign: 3'],
  ] as const) {
    it(`is closed when the gate in Redis ${what}`, async () => {
      const epoch = await claimEpoch(system);
      await agreeOn(epoch);
      await direct.hdel(keys.gate, 'partitions');
      if (partitions !== null) await direct.hset(keys.gate, { partitions });
      openGate();
      await untilClosed('does not say which partitions');
      expect(gate.lastOpen()).to.equal(null);
      await agreeOn(epoch);
      expect(await untilOpen()).to.equal(epoch);
    });
  }

  it('remembers what it was last open for: epoch, master and partitions', async () => {
    const epoch = await claimEpoch(system);
    await agreeOn(epoch);
    openGate();
    await untilOpen();
    const { replicationId } = await readReplication(direct);
    const opened = { epoch, replicationId, evictedKeys: 0, partitions: PARTITIONS };
    expect(gate.state()).to.deep.equal({ kind: 'open', ...opened });
    await direct.del(keys.gate);
    gate.recheck('again');
    await untilClosed('no gate');
    expect(gate.lastOpen()).to.deep.equal(opened);
  });

  it('is closed while a rebuild has closed it', async () => {
    await agreeOn(await claimEpoch(system));
    await direct.hdel(keys.gate, 'epoch');
    openGate();
    await untilClosed('no gate');
  });

  it('is closed when a newer epoch is claimed, until Redis is of that epoch', async () => {
    const older = await claimEpoch(system);
    await agreeOn(older);
    const newer = await claimEpoch(system);
    openGate();
    await untilClosed('newest epoch');
    await agreeOn(newer);
    expect(await untilOpen()).to.equal(newer);
  });

  it('is closed when Redis is of an epoch that nobody claimed', async () => {
    await agreeOn((await claimEpoch(system)) + 1);
    openGate();
    await untilClosed('newest epoch');
  });

  it('is closed while the claims cannot be seen', async () => {
    const epoch = await claimEpoch(system);
    await agreeOn(epoch);
    let seen = false;
    openGate(async () => {
      if (!seen) throw new Error('no broker answers');
      return epoch;
    });
    await untilClosed('no broker answers');
    seen = true;
    expect(await untilOpen()).to.equal(epoch);
  });

  describe('once it is open', () => {
    let epoch: number;
    beforeEach(async () => {
      epoch = await claimEpoch(system);
      await agreeOn(epoch);
      openGate();
      await untilOpen();
    });

    it('closes at once when something contradicts it, and compares again', async () => {
      gate.recheck('a script found another epoch');
      expect(gate.state()).to.deep.equal({
        kind: 'closed',
        reason: 'a script found another epoch',
      });
      expect(await untilOpen()).to.equal(epoch);
      await direct.del(keys.gate);
      gate.recheck('a script found another epoch');
      await untilClosed('no gate');
    });

    it('closes when a claim check finds a newer claim, until Redis is of that epoch', async () => {
      expect(await gate.checkClaim()).to.equal(epoch);
      expect(gate.state().kind).to.equal('open');
      const newer = await claimEpoch(system);
      expect(await gate.checkClaim()).to.equal(newer);
      expect(gate.state().kind).to.equal('closed');
      await untilClosed('newest epoch');
      await agreeOn(newer);
      expect(await untilOpen()).to.equal(newer);
    });

    it('closes with the connection, and compares again when it is back', async () => {
      link.cut();
      await untilClosed('connection lost');
      await direct.hset(keys.gate, { replicationId: 'another' });
      link.mend();
      await untilClosed('not the one');
      await agreeOn(epoch);
      expect(await untilOpen()).to.equal(epoch);
    });

    it('closes when Redis is killed, and stays closed on the one that comes back', async () => {
      server.process.kill('SIGKILL');
      await untilClosed('connection lost');
      await server.process.start();
      await untilClosed('not the one');
    });

    it('closes when Redis is emptied, as soon as a script says so', async () => {
      await direct.flushall();
      gate.recheck('a script found another epoch');
      await untilClosed('no gate');
    });

    it('closes while Redis may throw keys away, and says so', async () => {
      await direct.config('SET', 'maxmemory-policy', 'volatile-lru');
      await untilClosed('maxmemory-policy is volatile-lru');
      await direct.config('SET', 'maxmemory-policy', 'noeviction');
      expect(await untilOpen()).to.equal(epoch);
    });

    it('closes when Redis has thrown keys away, and emits nothing that was decided after it', async () => {
      const masterCheck = createMasterCheck(redis, gate);
      expect(await masterCheck.check()).to.include({ epoch });
      await evictVolatileKeys(direct, keys.idempotency('coupon', 'key'));
      expect(await masterCheck.check()).to.equal(null);
      await untilClosed('evicted keys since the gate was opened');
      const { evictedKeys } = await readReplication(direct);
      expect(evictedKeys).to.equal(1);
      await direct.hset(keys.gate, { evictedKeys });
      expect(await untilOpen()).to.equal(epoch);
    });

    it('stays closed on a replica, and on a replica that became the master', async () => {
      const master = await startOwnRedis();
      const other = await connectRedis(master.url);
      try {
        const replicationId =
          /master_replid:(\S+)/.exec(await other.info('replication'))?.[1] ?? '';
        const partitions = formatPartitions(PARTITIONS);
        await other.hset(keys.gate, { epoch, replicationId, partitions });
        await other.config('SET', 'repl-diskless-sync-delay', '0');
        await direct.replicaof('127.0.0.1', master.port);
        await waitUntil('the replica has followed', async () =>
          (await direct.info('replication')).includes('master_link_status:up'),
        );
        link.cut();
        link.mend();
        await untilClosed('not a master');
        await direct.replicaof('NO', 'ONE');
        await untilClosed('not the one');
      } finally {
        other.disconnect();
        await master.close();
      }
    });
  });

  it('does not open by a comparison that began on a connection that is lost', async () => {
    const epoch = await claimEpoch(system);
    await agreeOn(epoch);
    const looks: PromiseWithResolvers<number>[] = [];
    openGate(() => {
      const look = Promise.withResolvers<number>();
      looks.push(look);
      return look.promise;
    });
    await waitUntil('the claims are asked for', () => looks.length === 1);
    link.cut();
    await untilClosed('connection lost');
    looks[0]?.resolve(epoch);
    await new Promise(setImmediate);
    expect(gate.state()).to.deep.equal({ kind: 'closed', reason: 'Redis connection lost' });
    link.mend();
    await waitUntil('the claims are asked for again', () => looks.length === 2);
    expect(gate.state().kind).to.equal('closed');
    looks[1]?.resolve(epoch);
    expect(await untilOpen()).to.equal(epoch);
  });

  it('stays closed while Redis does not answer in time', async () => {
    const epoch = await claimEpoch(system);
    await agreeOn(epoch);
    link.stall();
    openGate();
    await untilClosed('timed out');
    link.mend();
    expect(await untilOpen()).to.equal(epoch);
  });

  it('stays open when a claim check finds an older claim, or none, or no answer', async () => {
    const epoch = await claimEpoch(system);
    await agreeOn(epoch);
    const claims: NewestClaim[] = [];
    openGate(() => claims.shift()?.() ?? Promise.resolve(epoch));
    await untilOpen();
    for (const claim of [epoch - 1, null]) {
      claims.push(async () => claim);
      expect(await gate.checkClaim()).to.equal(claim);
      expect(gate.state().kind).to.equal('open');
    }
    claims.push(() => Promise.reject(new Error('no broker answers')));
    expect(await gate.checkClaim().catch(messageOf)).to.equal('no broker answers');
    expect(gate.state().kind).to.equal('open');
  });

  it('is closed while an assumption is broken, names it, and opens when it holds again', async () => {
    await agreeOn(await claimEpoch(system));
    openGate();
    await untilOpen();
    broken = 'topic settings: coupon-assign deletes what is old';
    await untilClosed('coupon-assign deletes what is old');
    broken = null;
    await untilOpen();
  });

  it('compares no more after it was closed for good', async () => {
    openGate();
    await untilClosed('no gate');
    await gate.close();
    await agreeOn(await claimEpoch(system));
    const second = createGate({
      ...{ redis, keys, newestClaim, brokenAssumption },
      logger: silentLogger(),
    });
    await untilOpen(second);
    await second.close();
    expect(gate.state().kind).to.equal('closed');
  });
});
