import { expect } from 'chai';
import { createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import { sendWorkload, type Workload } from '../support/workload/workload.ts';

const QUANTITY = 1_000;
const USERS = Array.from({ length: 1_250 }, (_, n) => `user-${n}`);

describe('A process that is killed (kill -9) under load, and started again', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    system = await startSystem({}, { restart: true });
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  for (const victim of ['command-api', 'projector', 'query-api'] as const) {
    it(`${victim}: every unit is given exactly once, nobody accepted is lost`, async function () {
      this.timeout(240_000);
      const couponId = await createCoupon(system.commandApi, { quantity: QUANTITY });
      const workload = await sendWorkload(() => system.commandApi, couponId, USERS, {
        atOnce: 50,
        onAccepted: (count) => {
          if (count === QUANTITY / 2) system.services.process(victim).kill('SIGKILL');
        },
      });
      expectEveryUnitOnce(workload);
      await expectVerified(system, couponId, workload);
    });
  }
});

function expectEveryUnitOnce(workload: Workload): void {
  const accepted = workload.accepted();
  expect(accepted).to.have.length(QUANTITY);
  expect(new Set(accepted.map(({ body }) => body.assignmentId)).size).to.equal(QUANTITY);
  expect(new Set(accepted.map(({ body }) => body.sequence)).size).to.equal(QUANTITY);
  const others = [...workload.answers.values()].filter(({ status }) => status !== 201);
  expect(new Set(others.map(({ body }) => body.code))).to.deep.equal(new Set(['Coupon-0006']));
}
