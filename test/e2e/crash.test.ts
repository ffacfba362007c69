import { expect } from 'chai';
import { createCoupon } from '../support/system/api.ts';
import { startWorld, type World } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import { type Crowd, sendCrowd } from '../support/workload/workload.ts';

const QUANTITY = 1_000;
const USERS = Array.from({ length: 1_250 }, (_, n) => `user-${n}`);

describe('A process killed in mid-rush (kill -9), and started again', () => {
  let world: World;
  before(async function () {
    this.timeout(90_000);
    world = await startWorld({}, { restart: true });
  });
  after(async function () {
    this.timeout(60_000);
    await world?.close();
  });

  for (const victim of ['command-api', 'projector', 'query-api'] as const) {
    it(`${victim}: every unit is given exactly once, nobody accepted is lost`, async function () {
      this.timeout(120_000);
      const couponId = await createCoupon(world.commandApi, { quantity: QUANTITY });
      const crowd = await sendCrowd(() => world.commandApi, couponId, USERS, {
        atOnce: 50,
        onAccepted: (count) => {
          if (count === QUANTITY / 2) world.services.process(victim).kill('SIGKILL');
        },
      });
      expectEveryUnitOnce(crowd);
      await expectVerified(world, couponId, crowd);
    });
  }
});

function expectEveryUnitOnce(crowd: Crowd): void {
  const accepted = crowd.accepted();
  expect(accepted).to.have.length(QUANTITY);
  expect(new Set(accepted.map(({ body }) => body.assignmentId)).size).to.equal(QUANTITY);
  expect(new Set(accepted.map(({ body }) => body.sequence)).size).to.equal(QUANTITY);
  const others = [...crowd.told.values()].filter(({ status }) => status !== 201);
  expect(new Set(others.map(({ body }) => body.code))).to.deep.equal(new Set(['Coupon-0006']));
}
