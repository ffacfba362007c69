import { expect } from 'chai';
import { createCoupon } from '../support/system/api.ts';
import { type CliRun, runCli } from '../support/system/run-cli.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import { sendWorkload } from '../support/workload/workload.ts';

describe('The read tables, rebuilt under load', () => {
  let system: System;

  before(async function () {
    this.timeout(180_000);
    system = await startSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  it('hold exactly what the clients were answered, and what the log says', async function () {
    this.timeout(240_000);
    const couponId = await createCoupon(system.commandApi, { quantity: 1_500 });
    const users = Array.from({ length: 2_000 }, (_, n) => `user-${n}`);
    let rebuild: Promise<CliRun> | undefined;
    const workload = await sendWorkload(() => system.commandApi, couponId, users, {
      atOnce: 20,
      onAccepted: (count) => {
        if (count === 100) rebuild = runCli('rebuild-reads', [], system.variables);
      },
    });
    const ran = await rebuild;
    expect(ran?.stdout).to.match(/^swapped; the projector stood still for \d+ ms$/m);
    expect(ran?.code).to.equal(0);
    expect(workload.accepted()).to.have.length(1_500);
    await expectVerified(system, couponId, workload);
  });
});
