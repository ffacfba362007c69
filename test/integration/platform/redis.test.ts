import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { createRedis, createScript } from '../../../platform/redis.ts';
import { errorOf } from '../../support/error-of.ts';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { type OwnRedis, startOwnRedis } from '../../support/servers/own-redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { connectRedis } from '../../support/system/redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Long enough for a busy machine: a script takes less than a thousandth of it. */
const TIME_LIMIT_MS = 1_500;

describe('The Redis client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lua-'));
  let server: OwnRedis;
  let link: TcpProxy;
  /** Straight to the server. */
  let direct: Redis;
  let redis: Redis;

  const scriptOf = (lua: string) => {
    const file = join(folder, 'script.lua');
    writeFileSync(file, lua);
    return createScript(redis, pathToFileURL(file));
  };
  /** Counts how often it ran. */
  const count = () => scriptOf("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const timesRun = async (): Promise<number> => Number((await direct.get('runs')) ?? 0);
  const untilReady = () => waitUntil('connected', () => redis.status === 'ready');

  beforeEach(async () => {
    server = await startOwnRedis();
    link = await createTcpProxy('127.0.0.1', server.port);
    direct = await connectRedis(server.url);
    redis = createRedis(
      { url: `redis://127.0.0.1:${link.port}`, commandTimeoutMs: TIME_LIMIT_MS },
      silentLogger(),
    );
    await redis.connect();
  });
  afterEach(async () => {
    redis.disconnect();
    direct.disconnect();
    await link.close();
    await server.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('runs a script with keys and arguments, whether Redis knows it or not', async () => {
    const script = scriptOf("return {KEYS[1], ARGV[1], ARGV[2], redis.call('INCR', 'runs')}");
    expect(await script(['k'], ['김', 7])).to.deep.equal(['k', '김', '7', 1]);
    expect(await script(['k'], ['', -1])).to.deep.equal(['k', '', '-1', 2]);
    await direct.script('FLUSH');
    expect(await script(['k'], ['a b', 1])).to.deep.equal(['k', 'a b', '1', 3]);
  });

  describe('when Redis answers with an error', () => {
    const refusals: [kind: string, bring: () => Promise<unknown>][] = [
      ['OOM', () => direct.config('SET', 'maxmemory', '1')],
      ['READONLY', () => direct.replicaof('127.0.0.1', 9)],
      ['NOREPLICAS', () => direct.config('SET', 'min-replicas-to-write', '1')],
    ];
    for (const [kind, bring] of refusals) {
      it(`says that nothing was changed for ${kind}`, async () => {
        const script = scriptOf("redis.call('GET', 'a'); redis.call('SET', 'a', 1); return 1");
        await bring();
        const error = await errorOf(script([], []));
        expect(error).to.include({ code: 'REDIS_REFUSED', retriable: true });
        expect(error.message).to.match(new RegExp(`^Redis: ${kind} `));
        expect(await direct.exists('a')).to.equal(0);
      });
    }

    it('lets a script through to its end that has begun to write, memory or not', async () => {
      await direct.set('old', 1);
      await direct.config('SET', 'maxmemory', '1');
      await scriptOf("redis.call('DEL', 'old'); redis.call('SET', 'a', 1); return 1")([], []);
      expect(await direct.exists('old', 'a')).to.equal(1);
    });

    it('says that the outcome is unknown for every other error: it may come after a write', async () => {
      const script = scriptOf("redis.call('SET', 'a', 1); redis.call('HGET', 'a', 'b'); return 1");
      const error = await errorOf(script([], []));
      expect(error).to.include({ code: 'REDIS_UNAVAILABLE', retriable: true });
      expect(error.message).to.contain('WRONGTYPE');
      expect(await direct.get('a')).to.equal('1');
    });
  });

  it('runs scripts that are asked for together, each once', async () => {
    const script = count();
    const replies = await Promise.all(Array.from({ length: 500 }, () => script(['runs'], [1])));
    expect(replies).to.deep.equal(Array.from({ length: 500 }, (_, n) => n + 1));
  });

  it('says that the outcome is unknown when a script fails', async () => {
    const error = await errorOf(scriptOf("return redis.call('NOSUCH')")([], []));
    expect(error).to.deep.include({ code: 'REDIS_UNAVAILABLE', retriable: true });
  });

  it('does not wait longer than it is told', async () => {
    const script = count();
    await script(['runs'], [1]);
    link.stall();
    const startedMs = performance.now();
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(script(['runs'], [1]))),
    );
    expect(performance.now() - startedMs).to.be.within(TIME_LIMIT_MS - 10, 20_000);
    for (const { code } of errors) expect(code).to.equal('REDIS_UNAVAILABLE');
  });

  it('answers each caller with its own reply after others were given up', async () => {
    const script = scriptOf('return ARGV[1]');
    await script([], ['first']);
    link.stallAnswers();
    await errorOf(script([], ['given up']));
    link.mend();
    const replies = await Promise.all([script([], ['a']), script([], ['b'])]);
    expect(replies).to.deep.equal(['a', 'b']);
  });

  it('sends nothing twice: what was under way when the connection broke is not sent again', async () => {
    const script = count();
    await script(['runs'], [1]);
    link.stallAnswers();
    const lost = errorOf(script(['runs'], [1]));
    await waitUntil('it ran', async () => (await timesRun()) === 2);
    link.cut();
    expect((await lost).code).to.equal('REDIS_UNAVAILABLE');
    link.mend();
    await untilReady();
    await script(['runs'], [10]);
    expect(await timesRun()).to.equal(12);
  });

  it('keeps nothing for later: what is asked for without a connection fails', async () => {
    const script = count();
    link.cut();
    await waitUntil('the connection is lost', () => redis.status !== 'ready');
    expect((await errorOf(script(['runs'], [1]))).code).to.equal('REDIS_UNAVAILABLE');
    link.mend();
    await untilReady();
    await script(['runs'], [10]);
    expect(await timesRun()).to.equal(10);
  });

  it('keeps nothing for the connection that comes within the time limit either, and fails at once', async () => {
    const url = `redis://127.0.0.1:${link.port}`;
    const patient = createRedis({ url, commandTimeoutMs: 60_000 }, silentLogger());
    try {
      await patient.connect();
      link.cut();
      await waitUntil('the connection is lost', () => patient.status !== 'ready');
      const startedMs = performance.now();
      link.mend();
      await patient.incr('runs').then(
        () => expect.fail('it waited'),
        (error: unknown) => expect(error).to.be.instanceOf(Error),
      );
      expect(performance.now() - startedMs).to.be.below(30_000);
      await waitUntil('connected', () => patient.status === 'ready');
      expect(await timesRun()).to.equal(0);
    } finally {
      patient.disconnect();
    }
  });

  it('connects again by itself when Redis was killed', async () => {
    server.process.kill('SIGKILL');
    await waitUntil('the connection is lost', () => redis.status !== 'ready');
    await server.process.start();
    await untilReady();
    expect(await count()(['runs'], [1])).to.equal(1);
  });

  it('looks for the master again when the one that it reached has become a replica', async () => {
    const script = count();
    await script(['runs'], [1]);
    let reconnected = false;
    redis.once('close', () => {
      reconnected = true;
    });
    // A master that is not there: what matters is that this one takes no more writes.
    await direct.replicaof('127.0.0.1', 1);
    const error = await errorOf(script(['runs'], [1]));
    expect(error.code).to.equal('REDIS_REFUSED');
    await waitUntil('it has connected again', () => reconnected && redis.status === 'ready');
  });

  it('shows no password when it may not come in', async () => {
    await direct.config('SET', 'requirepass', 'right-one');
    const url = `redis://:wrong-one@127.0.0.1:${server.port}`;
    const refused = createRedis({ url, commandTimeoutMs: 200 }, silentLogger());
    try {
      const error = await refused.connect().then(
        () => refused.ping().catch((cause: unknown) => cause),
        (cause: unknown) => cause,
      );
      expect(error).to.be.instanceOf(Error);
      const shown = `${(error as Error).message} ${(error as Error).stack}`;
      expect(shown).to.not.include('wrong-one');
    } finally {
      refused.disconnect();
    }
  });
});
