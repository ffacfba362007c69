import { expect } from 'chai';
import { type CliRun, runCli } from '../../support/system/run-cli.ts';
import { buildSystem, type System } from '../../unit/verifier/fixture-system.ts';
import { createVerifiedSystem, type VerifiedSystem } from '../verifier/verified-system.ts';

describe('firstcome verify', () => {
  let made: System;
  let real: VerifiedSystem;

  before(async () => {
    made = buildSystem({
      coupons: [
        { spare: 10, perUserLimit: 2, takers: [] },
        { spare: 10, perUserLimit: 2, takers: [1, 2, 3] },
      ],
      newEpochAfter: null,
      oddities: [],
      late: 0,
      onTheWay: 0,
    });
    real = await createVerifiedSystem(made.facts);
  });

  after(() => real.drop());

  const run = (...args: string[]): Promise<CliRun> =>
    runCli('verify', ['--wait', '0', ...args], {
      KAFKA_BROKERS: real.settings.kafka.brokers.join(','),
      SCHEMA_REGISTRY_URL: real.settings.registry.url,
      REDIS_URL: real.settings.redis.url,
      MYSQL_URL: real.settings.mysql.url,
      TOPIC_PREFIX: real.settings.topicPrefix,
      REDIS_KEY_PREFIX: real.settings.redisKeyPrefix,
    });

  it('says a line for each invariant, and ends with 0', async () => {
    const { code, stdout, stderr } = await run();
    // What it is doing, should that take long.
    expect(stderr.replace(/^… .*\n/gm, '')).to.equal('');
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).to.deep.equal([
      '1',
      '2',
      '4',
      '5',
      '7',
      '8',
      '10',
      'all',
    ]);
    expect(lines[0]).to.match(
      /^1 {2}never more assigned than the quantity +ok +coupons 2, in the log 11/,
    );
    expect(lines.at(-1)).to.match(/^all 7 invariants hold \(verified in \d+\.\d s\)$/);
  });

  it('looks at one coupon alone when it is told which', async () => {
    const { code, stdout } = await run('--coupon', made.plain.couponId.toUpperCase());
    expect(code).to.equal(0);
    expect(stdout).to.include('coupons 1, in the log 7,');
  });

  it('gives the findings as JSON', async () => {
    const { code, stdout } = await run('--json');
    expect(code).to.equal(0);
    // One document, and nothing before or behind it.
    const { ok, findings } = JSON.parse(stdout);
    expect(ok).to.equal(true);
    expect(findings).to.have.length(7);
    expect(findings[0]).to.include({ invariant: 1, ok: true });
  });

  it('shows what is broken, with examples, and ends with 1', async () => {
    const key = real.keys.coupon(made.plain.couponId);
    await real.redis.hincrby(key, 'remaining', -2);
    const { code, stdout } = await run();
    await real.redis.hincrby(key, 'remaining', 2);
    expect(code).to.equal(1);
    expect(stdout).to.match(/^4 .* BREACH /m);
    expect(stdout).to.include(
      `   - coupon ${made.plain.couponId}: 9 taken from the stock in Redis, 7 held`,
    );
    expect(stdout).to.include('1 of 7 invariants BROKEN');
  });

  it('names the part that it can not reach, and ends with 1', async () => {
    const { code, stdout, stderr } = await runCli('verify', [], {
      KAFKA_BROKERS: real.settings.kafka.brokers.join(','),
      SCHEMA_REGISTRY_URL: real.settings.registry.url,
      REDIS_URL: 'redis://127.0.0.1:1',
      MYSQL_URL: real.settings.mysql.url,
    });
    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.match(/^verify failed: Redis can't be reached: /);
  });

  it('refuses a coupon id that is none', async () => {
    const { code, stdout, stderr } = await run('--coupon', 'mine');
    expect(code).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr).to.include('It must be the id of a coupon, a UUID.');
  });
});
