// A read that names a position of the log waits for the projection, and no longer than its limit.
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { createReadStore } from '../../../query-api/read-model/read-store.ts';
import { createPositionWait } from '../../../query-api/read-model/wait-for-position.ts';
import { call } from '../../support/system/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { insertCoupon, moveCheckpoint } from './rows.ts';

describe('A read that names a position', () => {
  let database: TestDatabase;
  let service: ServiceProcess;

  before(async () => {
    database = await createTestDatabase();
    service = await startService('query-api', { MYSQL_URL: database.url });
  });
  after(async () => {
    await service?.end('SIGTERM');
    await database?.drop();
  });
  beforeEach(() => database.db('projection_checkpoints').delete());

  /** One read, and how long it took in milliseconds. */
  async function read(path: string, position: string, prefer?: string) {
    const startedMs = performance.now();
    const headers = {
      'firstcome-position': position,
      ...(prefer === undefined ? {} : { prefer }),
    };
    const answer = await call('GET', `${service.url}${path}`, { headers });
    return { ...answer, tookMs: performance.now() - startedMs };
  }

  it('is answered at once when the projection has passed it', async () => {
    await moveCheckpoint(database.db, 'coupon-assign', 0, 6);
    const { status, tookMs } = await read('/coupons', 'coupon-assign/0/5', 'wait=10');
    expect(status).to.equal(200);
    expect(tookMs).to.be.below(8_000);
  });

  it('is not answered by a projection that is about to apply just that record', async () => {
    await moveCheckpoint(database.db, 'coupon-assign', 0, 5);
    const { status, headers, body, tookMs } = await read('/coupons', 'coupon-assign/0/5', 'wait=1');
    expect({ status, code: body.code }).to.deep.equal({ status: 503, code: 'Coupon-0016' });
    expect(headers.get('retry-after')).to.equal('1');
    expect(tookMs).to.be.within(990, 9_000);
  });

  it('shows what was written before the position, as soon as it is there', async () => {
    const reading = read('/coupons?limit=1', 'coupon-lifecycle/1/41', 'wait=10');
    const id = await insertCoupon(database.db, { createdAt: Date.UTC(2900, 0, 1) });
    await moveCheckpoint(database.db, 'coupon-lifecycle', 1, 42);
    const { status, body, tookMs } = await reading;
    expect(status).to.equal(200);
    expect(body.items[0].id).to.equal(id);
    expect(tookMs).to.be.below(9_000);
  });

  it('waits for every position that it names', async () => {
    await moveCheckpoint(database.db, 'coupon-assign', 0, 100);
    const both = 'coupon-assign/0/5,coupon-assign/1/5';
    expect((await read('/coupons', both, 'wait=0')).status).to.equal(503);
    await moveCheckpoint(database.db, 'coupon-assign', 1, 6);
    expect((await read('/coupons', both, 'wait=0')).status).to.equal(200);
  });

  it('waits 2 seconds when it does not say how long', async () => {
    const { status, tookMs } = await read('/coupons', 'coupon-assign/0/5');
    expect(status).to.equal(503);
    expect(tookMs).to.be.within(1_990, 9_000);
  });

  it('far beyond the end of the log is answered 503 to ask again, like any other', async () => {
    await moveCheckpoint(database.db, 'coupon-assign', 0, 100);
    for (const position of ['coupon-assign/0/999999999999999999', 'coupon-assign/999999/0']) {
      const { status, body } = await read('/coupons', position, 'wait=0');
      expect({ status, code: body.code }).to.deep.equal({ status: 503, code: 'Coupon-0016' });
    }
  });

  it('is refused at once when it is malformed, or when the read itself is', async () => {
    for (const [path, position] of [
      ['/coupons', 'coupon-assign/0'],
      ['/coupons', 'no-such-topic/0/1'],
      ['/coupons?limit=0', 'coupon-assign/0/5'],
    ] as const) {
      const { status, body, tookMs } = await read(path, position, 'wait=10');
      expect({ status, code: body.code }).to.deep.equal({ status: 400, code: 'Coupon-0010' });
      expect(tookMs).to.be.below(8_000);
    }
  });

  it('waits on every address, also where nothing is found then', async () => {
    const id = await insertCoupon(database.db);
    for (const path of [
      `/coupons/${id}`,
      `/coupons/${id}/assignments`,
      `/assignments/${id}`,
      '/users/ann/assignments',
    ]) {
      expect((await read(path, 'coupon-assign/0/5', 'wait=0')).status, path).to.equal(503);
    }
    await moveCheckpoint(database.db, 'coupon-assign', 0, 6);
    expect((await read(`/assignments/${id}`, 'coupon-assign/0/5', 'wait=0')).status).to.equal(404);
  });

  it('costs no statement of its own: all waiting requests share one read', async () => {
    const { db } = database;
    let looks = 0;
    const count = ({ sql }: { sql: string }): void => {
      if (sql.includes('projection_checkpoints') && sql.startsWith('select')) looks += 1;
    };
    const store = createReadStore(db, { timeoutMs: 2_000, maxReads: 100 });
    const waitForPosition = createPositionWait({
      readCheckpoints: store.checkpoints,
      intervalMs: 20,
      maxWaiting: 500,
    });
    const position = { topic: 'coupon-assign', partition: 0, offset: 5n };
    db.on('query', count);
    const waiting = Array.from({ length: 500 }, () => waitForPosition([position], 60_000));
    const startedMs = performance.now();
    expect(await waitForPosition([position], 0), 'one more').to.deep.equal({ kind: 'too-many' });
    await waitUntil('they have looked several times', () => looks >= 5);
    // Half of the interval: timers may be early by a little.
    expect(looks).to.be.below((performance.now() - startedMs) / 10);
    await moveCheckpoint(db, 'coupon-assign', 0, 6);
    for (const outcome of await Promise.all(waiting)) {
      expect(outcome).to.deep.equal({ kind: 'reached' });
    }
    const before = looks;
    await pause(100);
    expect(looks, 'no read while no request waits').to.equal(before);
    expect(await waitForPosition([position], 0), 'and the next one').to.deep.equal({
      kind: 'reached',
    });
    db.off('query', count);
  });
});
