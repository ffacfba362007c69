import { expect } from 'chai';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';
import { addressOf } from '../../support/system/addresses.ts';
import { runCli } from '../../support/system/run-cli.ts';
import { createRebuildSystem, type RebuildSystem } from '../redis-rebuild/rebuild-system.ts';

describe('firstcome rebuild-redis', () => {
  let system: RebuildSystem;
  before(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  const run = (env: Record<string, string> = {}) =>
    runCli('rebuild-redis', [], {
      KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
      SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
      REDIS_URL: addressOf('REDIS_URL'),
      TOPIC_PREFIX: system.events.topicPrefix,
      REDIS_KEY_PREFIX: system.events.topicPrefix,
      ...env,
    });
  const withoutTimes = (text: string): string[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^ +\d+\.\d s {2}/, '').replace(/\d+\.\d s$/, 'N s'));

  it('opens a new epoch even when nothing calls for it, says each part and ends with 0', async () => {
    await system.rebuild();
    await system.append([couponCreated(), couponAssigned(1), couponAssigned(2, { userId: 'bo' })]);
    const { code, stdout, stderr } = await run();
    expect(stderr).to.equal('');
    expect(withoutTimes(stdout)).to.deep.equal([
      'locked',
      'no snapshot: every record is read',
      'read ahead: 9 records',
      'claimed epoch 1',
      'closed 0 coupons',
      'marked 6 partitions',
      'read to the markers: 6 records; in all 0 fenced, 0 discarded',
      'wrote 1 coupons with 2 assignments',
      'Redis is rebuilt and open for epoch 1: 1 coupons, 2 assignments, in N s',
      '15 records were read',
    ]);
    expect(code).to.equal(0);
    expect(await system.gate()).to.include({ epoch: '1' });
  });

  it('does nothing, says so and ends with 1 while another rebuilds', async () => {
    await system.redis.set(system.keys.rebuildLock, 'another', 'PX', 60_000);
    const { code, stdout } = await run();
    expect(stdout).to.equal('another process is rebuilding Redis now; nothing was done\n');
    expect(code).to.equal(1);
    await system.redis.del(system.keys.rebuildLock);
  });

  it('ends with 1 and one line when a part is away or a setting is wrong', async () => {
    const away = await run({ REDIS_URL: 'redis://127.0.0.1:9' });
    expect(away.code).to.equal(1);
    expect(away.stderr).to.match(/^rebuild-redis failed: Redis: .*\n$/);
    const wrong = await run({ REBUILD_LAG_MS: 'soon' });
    expect(wrong.code).to.equal(1);
    expect(wrong.stderr).to.contain('REBUILD_LAG_MS');
  });
});
