import { expect } from 'chai';
import {
  combineResults,
  MAX_RERUNS,
  planReruns,
  type TestResult,
} from '../../support/run/results.ts';

const passed = (file: string, fullTitle: string): TestResult => ({
  ...{ file, fullTitle, kind: 'passed', isHook: false, error: '' },
});
const failed = (file: string, fullTitle: string, isHook = false): TestResult => ({
  ...{ file, fullTitle, kind: 'failed', isHook, error: 'too late' },
});

describe('Running failed tests once more', () => {
  describe('the plan', () => {
    it('is empty when nothing failed', () => {
      expect(planReruns([passed('a.ts', 'A is')])).to.deep.equal([]);
    });

    it('names each failed test by file and full title', () => {
      const results = [failed('a.ts', 'A is'), passed('a.ts', 'A does'), failed('b.ts', 'B is')];
      expect(planReruns(results)).to.deep.equal([
        { file: 'a.ts', fullTitle: 'A is' },
        { file: 'b.ts', fullTitle: 'B is' },
      ]);
    });

    it('is the whole file, once, when a hook of it failed', () => {
      const results = [failed('a.ts', 'A is'), failed('a.ts', 'A "before all" hook', true)];
      expect(planReruns(results)).to.deep.equal([{ file: 'a.ts', fullTitle: null }]);
    });

    it('is empty when more failed than an accident explains', () => {
      const failures = Array.from({ length: MAX_RERUNS }, (_, n) => failed('a.ts', `A ${n}`));
      expect(planReruns(failures)).to.have.length(MAX_RERUNS);
      expect(planReruns([...failures, failed('b.ts', 'B')])).to.deep.equal([]);
    });
  });

  describe('the outcome', () => {
    const first = [passed('a.ts', 'A does'), failed('a.ts', 'A is'), failed('b.ts', 'B is')];
    const rerun = { file: 'a.ts', fullTitle: 'A is' };

    it('counts as they were what was not run again', () => {
      expect(combineResults(first, [])).to.deep.equal({ passed: 1, failed: 2, unsteady: [] });
    });

    it('counts a test that passes alone as passed, and names it', () => {
      const outcomes = [{ rerun, results: [passed('a.ts', 'A is')] }];
      expect(combineResults(first, outcomes)).to.deep.equal({
        passed: 2,
        failed: 1,
        unsteady: ['unsteady: A is: failed at first: too late; passed alone'],
      });
    });

    it('counts a test that fails again, or was not found again, as failed once', () => {
      for (const results of [[failed('a.ts', 'A is')], []]) {
        expect(combineResults(first, [{ rerun, results }])).to.deep.equal({
          ...{ passed: 1, failed: 2, unsteady: [] },
        });
      }
    });

    it('counts every test of a file that is run again after its hook failed', () => {
      const hook = 'B "before all" hook in "B"';
      const results = [passed('a.ts', 'A is'), passed('b.ts', 'other'), failed('b.ts', hook, true)];
      const alone = ['other', 'B is', 'B does'].map((title) => passed('b.ts', title));
      const outcomes = [{ rerun: { file: 'b.ts', fullTitle: null }, results: alone }];
      expect(combineResults(results, outcomes)).to.deep.equal({
        passed: 4,
        failed: 0,
        unsteady: [`unsteady: ${hook}: failed at first: too late; passed alone`],
      });
    });
  });
});
