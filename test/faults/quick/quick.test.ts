// The bounded choice of faults that runs with every `npm test`. They kill the servers of the run, so
// this level is the last one; `npm run test:faults` runs all of them.
import { join } from 'node:path';
import { expect } from 'chai';
import { type Parts, remoteParts } from '../../support/faults/parts.ts';
import { openSetup, type Setup } from '../environment.ts';
import { type Fault, redisTold, serverFrozen, serverKilled, serverStopped } from '../fault.ts';
import { type LoadSize, runScenario } from '../run-scenario.ts';

const LOAD: LoadSize = { quantity: 2_500, rate: 200, connections: 40 };

describe('A fault under load, with every invariant verified after it', () => {
  let setup: Setup;
  before(async function () {
    this.timeout(180_000);
    const parts = partsOfRun();
    setup = await openSetup('plain', parts, join(parts.folder, 'faults'));
  });
  after(async function () {
    this.timeout(180_000);
    await setup?.close();
  });

  // How long it takes is measured by `npm run test:faults`; here that it comes back, on a busy machine too.
  const limits = { successWithinS: 60, lagWithinS: 90 };
  const faults: Fault[] = [
    redisTold(['FLUSHALL']),
    serverKilled('kafka-2', 3_000),
    // Longer than the producer waits for an acknowledgement.
    serverFrozen('kafka-1', 9_000),
    serverStopped('mysql', 4_000),
  ];
  for (const fault of faults) {
    it(`${fault.name}: every unit is assigned once, no accepted one is lost`, async function () {
      this.timeout(600_000);
      const report = await runScenario({ fault, setup: 'plain', ...limits }, setup, LOAD);
      expect(report.problems).to.deep.equal([]);
      expect(report.accepted).to.equal(LOAD.quantity);
    });
  }
});

/** test/run.ts has started the servers, and lets this process hurt them. */
function partsOfRun(): Parts {
  const { STACK_CONTROL_URL, STACK_FOLDER } = process.env;
  if (STACK_CONTROL_URL === undefined || STACK_FOLDER === undefined) {
    throw new Error('this level kills servers: run it through npm test, which starts some for it');
  }
  return remoteParts(STACK_CONTROL_URL, STACK_FOLDER);
}
