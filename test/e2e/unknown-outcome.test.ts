import { expect } from 'chai';
import { createTcpProxy, type TcpProxy } from '../support/faults/tcp-proxy.ts';
import { addressOf } from '../support/system/addresses.ts';
import { assign, createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('A command API whose link to Redis stalls', () => {
  let system: System;
  let proxy: TcpProxy;
  before(async function () {
    this.timeout(180_000);
    const redis = new URL(addressOf('REDIS_URL'));
    proxy = await createTcpProxy(redis.hostname, Number(redis.port));
    system = await startSystem({
      'command-api': {
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        REDIS_TIMEOUT_MS: '1000',
        RELAY_MIN_AGE_MS: '100',
        RELAY_INTERVAL_MS: '100',
      },
    });
  });
  after(async function () {
    this.timeout(180_000);
    proxy?.mend();
    await system?.close();
    await proxy?.close();
  });

  it('says "outcome unknown" in time, and the one true answer to whoever asks again', async () => {
    const couponId = await createCoupon(system.commandApi);
    const key = { 'Idempotency-Key': 'k' };
    proxy.stall();
    const startedMs = performance.now();
    const unknown = await assign(system.commandApi, couponId, 'ann', key);
    expect(performance.now() - startedMs).to.be.below(15_000);
    expect(unknown.status).to.equal(503);
    expect(unknown.body).to.include({ code: 'Coupon-0012' });
    expect(unknown.body.retryAfterMs).to.be.a('number').below(1_000);
    proxy.mend();
    const known = await waitUntil('the same request is answered', async () => {
      const answer = await assign(system.commandApi, couponId, 'ann', key);
      return answer.status === 201 && answer;
    });
    const again = await assign(system.commandApi, couponId, 'ann', key);
    expect(again.body).to.deep.equal(known.body);
    const next = await assign(system.commandApi, couponId, 'bob');
    expect(next.body.sequence).to.equal(2);
  });

  it('gives a user without a key the assignment that the lost answer was about', async () => {
    const couponId = await createCoupon(system.commandApi);
    proxy.stall();
    const unknown = await assign(system.commandApi, couponId, 'cyd');
    expect(unknown.body.code).to.equal('Coupon-0012');
    proxy.mend();
    const known = await waitUntil('the user is answered', async () => {
      const answer = await assign(system.commandApi, couponId, 'cyd');
      return answer.status !== 503 && answer;
    });
    expect(known.status).to.equal(201);
    expect(known.body).to.include({ userId: 'cyd', sequence: 1 });
    const more = await assign(system.commandApi, couponId, 'cyd');
    expect(more.body.assignments).to.deep.equal([known.body]);
  });

  it('refuses at once while Redis is away, and comes back by itself', async () => {
    const couponId = await createCoupon(system.commandApi);
    proxy.cut();
    const refused = await waitUntil('the gate is closed', async () => {
      const answer = await assign(system.commandApi, couponId, 'dan');
      return answer.body.code === 'Coupon-0014' && answer;
    });
    expect(refused.status).to.equal(503);
    const next = await assign(system.commandApi, couponId, 'dan');
    expect(next.body.code, 'no time limit was waited for').to.equal('Coupon-0014');
    const ready = await fetch(`${system.commandApi}/health/ready`);
    expect(ready.status).to.equal(503);
    const live = await fetch(`${system.commandApi}/health/live`);
    expect(live.status).to.equal(200);
    proxy.mend();
    const answer = await waitUntil('coupons are given again', async () => {
      const known = await assign(system.commandApi, couponId, 'dan');
      return known.status === 201 && known;
    });
    expect(answer.body.sequence).to.equal(1);
  });
});
