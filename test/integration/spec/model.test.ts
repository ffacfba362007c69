// The bounded runs of the models in spec/; `npm run model` has the large ones too.
import { expect } from 'chai';
import { type Checker, createChecker } from '../../../spec/runner/model-checker.ts';
import { MODEL_RUNS } from '../../../spec/runner/model-runs.ts';

const BOUNDED = MODEL_RUNS.filter(({ bounded }) => bounded);
const LIMITS = { memoryMb: 2_000, timeoutMs: 60_000 };

describe('The protocol, in every order of steps and faults within small bounds', function () {
  this.timeout(300_000);
  const stopped = new AbortController();
  let checker: Checker;

  before(async () => {
    checker = await createChecker({ large: false, ...LIMITS, signal: stopped.signal });
  });
  after(async () => {
    stopped.abort();
    await checker?.close();
  });

  for (const run of BOUNDED.filter(({ violates }) => violates === null)) {
    it(`keeps every promise: ${run.about} (${run.name})`, async () => {
      const verdict = await checker.check(run);
      expect(verdict).to.include({ kind: 'safe' });
      expect(verdict.states).to.be.above(100);
    });
  }

  for (const run of BOUNDED.filter(({ violates }) => violates !== null)) {
    it(`breaks without ${run.rules.join(' ')}: ${run.about} (${run.name})`, async () => {
      expect(await checker.check(run)).to.include({ kind: 'violated', promise: run.violates });
    });
  }
});
