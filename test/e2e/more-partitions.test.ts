import { expect } from 'chai';
import { createRedisKeys } from '../../contracts/redis-keys.ts';
import { ASSIGN_TOPIC } from '../../contracts/topics.ts';
import { readLogRanges } from '../../platform/kafka/admin.ts';
import { call, createCoupon } from '../support/system/api.ts';
import { addPartitions } from '../support/system/partitions.ts';
import { connectRedis } from '../support/system/redis.ts';
import { runCli } from '../support/system/run-cli.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import { waitUntil } from '../support/wait-until.ts';
import { sendWorkload } from '../support/workload/workload.ts';

const USERS = Array.from({ length: 60 }, (_, n) => `user-${n}`);

describe('A topic that gets another partition while everything runs', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    system = await startSystem({}, { restart: true });
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  const topic = () => system.events.topicPrefix + ASSIGN_TOPIC;
  const isReady = () =>
    call('GET', `${system.commandApi}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  const restartCommandApi = async (): Promise<void> => {
    system.services.process('command-api').kill('SIGTERM');
    await waitUntil('the command API is gone', async () => !(await isReady()));
    await waitUntil('the command API is back', isReady);
  };
  /** One after the other: a batch each, so that the partitions take their turns. */
  const handOutToEach = async () => {
    // Just after a rebuild a command API may not have noticed yet that it is over.
    const couponId = await waitUntil('a coupon is created', () =>
      createCoupon(system.commandApi, { quantity: USERS.length }).catch(() => undefined),
    );
    const workload = await sendWorkload(() => system.commandApi, couponId, USERS, { atOnce: 1 });
    expect(workload.accepted()).to.have.length(USERS.length);
    return { couponId, workload };
  };
  const run = async (tool: string, ...args: string[]): Promise<void> => {
    const { code, stderr } = await runCli(tool, args, system.variables);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
  };
  const endOf = async (partition: number): Promise<bigint | undefined> =>
    (await readLogRanges(system.events.kafka, topic())).find(
      (range) => range.partition === partition,
    )?.to;

  it('counts everybody whom a command API accepts that was started after that', async function () {
    this.timeout(240_000);
    await addPartitions(system.events.kafka, topic(), 4);
    await restartCommandApi();
    const { couponId, workload } = await handOutToEach();
    await expectVerified(system, couponId, workload);
    expect(await endOf(3), 'no gate was opened for it').to.equal(0n);
  });

  it('is used whole once Redis was rebuilt, and everybody counts, also in the read model', async function () {
    this.timeout(240_000);
    await run('migrate', '--assign-partitions', '5');
    await run('rebuild-redis');
    const redis = await connectRedis();
    const keys = createRedisKeys(system.events.topicPrefix);
    expect(await redis.hget(keys.gate, 'partitions')).to.equal(
      'coupon-lifecycle=3 coupon-assign=5',
    );
    redis.disconnect();
    const { couponId, workload } = await handOutToEach();
    for (const partition of [3, 4]) {
      expect(Number(await endOf(partition)), `events in ${partition}`).to.be.above(1);
    }
    await expectVerified(system, couponId, workload);
  });
});
