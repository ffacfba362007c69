// MySQL cut off, stalled, or without its tables: a quick 503, never a hang, and back by itself.
import { expect } from 'chai';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { call } from '../../support/system/api.ts';
import {
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../../support/system/database.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { insertCoupon } from './rows.ts';

describe('The query API without MySQL', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let service: ServiceProcess;
  let path: string;

  before(async () => {
    database = await createTestDatabase();
    path = `/coupons/${await insertCoupon(database.db)}`;
  });
  after(() => database?.drop());
  beforeEach(async () => {
    const address = new URL(database.url);
    proxy = await createTcpProxy(address.hostname, Number(address.port));
    address.port = String(proxy.port);
    service = await startService('query-api', {
      MYSQL_URL: address.href,
      MYSQL_TIMEOUT_MS: '500',
      MYSQL_POOL_SIZE: '4',
      MAX_READS: '50',
    });
  });
  afterEach(async () => {
    proxy.mend();
    await service.end('SIGTERM');
    await proxy.close();
  });

  const get = async (address: string, headers: Record<string, string> = {}) => {
    const startedMs = performance.now();
    const answer = await call('GET', `${service.url}${address}`, { headers });
    return { ...answer, tookMs: performance.now() - startedMs };
  };

  it('starts, is live, and is ready when MySQL comes', async () => {
    await service.end('SIGTERM');
    proxy.cut();
    const address = new URL(database.url);
    address.port = String(proxy.port);
    service = await startService('query-api', { MYSQL_URL: address.href });
    expect((await get('/health/live')).status).to.equal(200);
    expect((await get('/health/ready')).status).to.equal(503);
    proxy.mend();
    await waitUntil('it is ready', async () => (await get('/health/ready')).status === 200);
  });

  for (const fault of ['cut', 'stall'] as const) {
    it(`answers 503 and when to ask again, within its time limits, and comes back (${fault})`, async () => {
      await Promise.all(Array.from({ length: 8 }, () => get(path)));
      proxy[fault]();
      const answers = await Promise.all(Array.from({ length: 40 }, () => get(path)));
      for (const { status, headers, body, tookMs } of answers) {
        expect({ status, code: body.code }).to.deep.equal({ status: 503, code: 'Coupon-0023' });
        expect(headers.get('retry-after')).to.equal('1');
        expect(tookMs).to.be.below(15_000);
      }
      const ready = await get('/health/ready');
      expect(ready.status).to.equal(503);
      expect(ready.tookMs).to.be.below(15_000);
      expect((await get('/health/live')).status).to.equal(200);
      proxy.mend();
      // With such a short limit, a busy machine may be late for one of them once.
      await waitUntil('every read is answered again', async () => {
        const again = await Promise.all(Array.from({ length: 8 }, () => get(path)));
        return again.every(({ status }) => status === 200);
      });
    });
  }

  it('refuses reads beyond its bound at once, instead of letting them pile up', async () => {
    await get(path);
    proxy.stall();
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(path)));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([503]));
    await waitUntil('the bound was met', () => service.log().includes('50 reads are under way'));
  });

  it('is ready while as many reads are under way as may be: busy is not unready', async () => {
    await service.end('SIGTERM');
    const address = new URL(database.url);
    address.port = String(proxy.port);
    service = await startService('query-api', {
      ...{ MYSQL_URL: address.href, MYSQL_POOL_SIZE: '1', MAX_READS: '1' },
    });
    await waitUntil('it is ready', async () => (await get('/health/ready')).status === 200);
    proxy.slow(20);
    let going = true;
    const readOn = async (): Promise<void> => {
      while (going) await get(path);
    };
    const readers = Promise.all(Array.from({ length: 3 }, readOn));
    await waitUntil('the bound is met', () => service.log().includes('1 reads are under way'));
    for (let time = 0; time < 5; time += 1) {
      expect((await get('/health/ready')).body).to.deep.equal({ status: 'ready' });
    }
    going = false;
    await readers;
  });

  it('answers 503 to requests that wait for a position as well', async () => {
    proxy.cut();
    const { status, body } = await get(path, { 'firstcome-position': 'coupon-assign/0/5' });
    expect({ status, code: body.code }).to.deep.equal({ status: 503, code: 'Coupon-0023' });
  });

  it('shows neither address nor password, in answers or log', async () => {
    proxy.cut();
    const answers = [await get(path), await get('/health/ready')];
    const { password } = new URL(database.url);
    for (const { body } of answers) {
      expect(JSON.stringify(body)).not.to.match(/127\.0\.0\.1|ECONN|mysql:/);
    }
    if (password !== '') expect(service.log()).not.to.include(password);
    expect(service.log()).not.to.include('mysql://');
  });

  it('ends with code 0 on SIGTERM, stalled or not', async () => {
    await Promise.all(Array.from({ length: 8 }, () => get(path)));
    proxy.stall();
    const answer = get(path);
    await waitUntil(
      'the read is under way',
      async () => (await get('/health/live')).status === 200,
    );
    expect(await service.end('SIGTERM')).to.equal(0);
    expect((await answer).status).to.equal(503);
  });
});

describe('The query API without its tables', () => {
  it('is not ready, answers 500 to reads, and is ready once they are there', async () => {
    const database = await createEmptyDatabase();
    const service = await startService('query-api', { MYSQL_URL: database.url });
    try {
      expect((await call('GET', `${service.url}/health/ready`)).status).to.equal(503);
      const read = await call('GET', `${service.url}/coupons`);
      expect({ status: read.status, code: read.body.code }).to.deep.equal({
        status: 500,
        code: 'Coupon-0024',
      });
      const { migrateToLatest } = await import('../../../admin/migrations.ts');
      await migrateToLatest(database.db);
      await waitUntil('it is ready', async () => {
        const { status } = await call('GET', `${service.url}/health/ready`);
        return status === 200;
      });
    } finally {
      await service.end('SIGTERM');
      await database.drop();
    }
  });
});
