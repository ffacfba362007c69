// The process itself: how it starts, and how it ends in the middle of the work.
import { expect } from 'chai';
import { Pool } from 'undici';
import { call } from '../../support/system/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { startService } from '../../support/system/service-process.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { insertCoupon } from './rows.ts';

describe('The process of the query API', () => {
  let database: TestDatabase;
  let couponId: string;
  before(async () => {
    database = await createTestDatabase();
    couponId = await insertCoupon(database.db);
  });
  after(() => database?.drop());

  it('does not start with faulty settings, and names them all in one line, without their values', async () => {
    const failure = await startService('query-api', {
      HTTP_PORT: 'many',
      MYSQL_URL: 'mysqll://ann:s3cret@db/x',
      MAX_READS: '0',
    }).catch((error: Error) => error);
    const { message } = failure as Error;
    expect(message).to.include('ended with 1');
    for (const name of ['HTTP_PORT', 'MYSQL_URL', 'MAX_READS']) expect(message).to.include(name);
    expect(message).not.to.include('s3cret');
    expect(message.trim().split('\n')).to.have.length(1);
  });

  it('loses no request when it is stopped under load', async () => {
    const service = await startService('query-api', { MYSQL_URL: database.url });
    const pool = new Pool(service.url, { connections: 50, pipelining: 1 });
    const failures: string[] = [];
    let answered = 0;
    let stopped = false;
    const path = `/coupons/${couponId}`;
    const ask = async (): Promise<'answered' | 'refused'> => {
      try {
        const { statusCode, body } = await pool.request({ method: 'GET', path });
        const coupon = (await body.json()) as { id?: string };
        if (statusCode !== 200 || coupon.id !== couponId) failures.push(`status ${statusCode}`);
        answered += 1;
        return 'answered';
      } catch (error) {
        // Nobody listens any more, and the request was never sent: another copy would take it.
        const { code } = error as { code?: string };
        if (code !== 'ECONNREFUSED') failures.push(String(error));
        return 'refused';
      }
    };
    const client = async (): Promise<void> => {
      while (!stopped && (await ask()) === 'answered');
    };
    const clients = Array.from({ length: 50 }, client);
    await waitUntil('the load runs', () => answered > 1_000);
    const code = await service.end('SIGTERM');
    stopped = true;
    await Promise.all(clients);
    await pool.close();
    expect(failures).to.deep.equal([]);
    expect(code).to.equal(0);
  });

  it('lets those who wait for a position wait to the end, and then ends with code 0', async () => {
    const service = await startService('query-api', { MYSQL_URL: database.url });
    const waiting = call('GET', `${service.url}/coupons/${couponId}`, {
      headers: { 'firstcome-position': 'coupon-assign/0/5', prefer: 'wait=2' },
    });
    await waitUntil('it serves', async () => (await call('GET', `${service.url}/coupons`)).body);
    const ended = service.end('SIGTERM');
    const { status, body } = await waiting;
    expect({ status, code: body.code }).to.deep.equal({ status: 503, code: 'Coupon-0016' });
    expect(await ended).to.equal(0);
  });

  it('ends with code 0 on SIGINT too, and says what it closed', async () => {
    const service = await startService('query-api', { MYSQL_URL: database.url });
    await call('GET', `${service.url}/coupons`);
    expect(await service.end('SIGINT')).to.equal(0);
    for (const part of ['http', 'mysql']) expect(service.log()).to.include(`"part":"${part}"`);
  });
});
