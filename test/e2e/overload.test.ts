import { expect } from 'chai';
import { assign, call, createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';

describe('More requests at once than a command API takes', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    system = await startSystem({ 'command-api': { MAX_WAITING: '10' } });
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  it('are refused with 503 before anything is reserved', async () => {
    const couponId = await createCoupon(system.commandApi, { quantity: 1_000 });
    const asked = Array.from({ length: 200 }, (_, n) =>
      assign(system.commandApi, couponId, `user-${n}`),
    );
    const isReady = () => call('GET', `${system.commandApi}/health/ready`);
    const ready = await Promise.all(Array.from({ length: 20 }, isReady));
    const answers = await Promise.all(asked);
    // Else a balancer would take out one instance after the other.
    expect(ready.map(({ status }) => status)).to.deep.equal(Array(20).fill(200));
    const accepted = answers.filter(({ status }) => status === 201);
    const shed = answers.filter(({ status }) => status === 503);
    expect(accepted.length + shed.length).to.equal(200);
    expect(shed, 'refused').not.to.have.length(0);
    for (const { body, headers } of shed) {
      expect(body).to.include({ code: 'Coupon-0013' });
      expect(body.retryAfterMs).to.be.a('number');
      expect(headers.get('retry-after')).to.match(/^\d+$/);
    }
    const next = await assign(system.commandApi, couponId, 'next');
    expect(next.body.sequence, 'units that were taken').to.equal(accepted.length + 1);
  });
});
