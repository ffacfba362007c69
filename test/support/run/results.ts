// Which tests are run once more, and what a level of tests comes to with that: a machine that does
// much else makes a test fail now and then, and that must be seen without failing the whole run.

/** What mocha said of a test or of a hook. */
export type TestResult = {
  file: string;
  /** With the titles of all suites around it. */
  fullTitle: string;
  kind: 'passed' | 'failed';
  /** A failed hook: the tests that it stands for did not run. */
  isHook: boolean;
  /** The message of the failure in one line; empty when it passed. */
  error: string;
};

/** `fullTitle` null: every test of the file, because a hook of it failed. */
export type Rerun = { file: string; fullTitle: string | null };

export type RerunOutcome = { rerun: Rerun; results: readonly TestResult[] };

export type LevelOutcome = { passed: number; failed: number; unsteady: string[] };

/** More failures than this are no accident: nothing is run again. */
export const MAX_RERUNS = 5;

/** The tests to be run again, each alone; none when nothing failed, or too much. */
export function planReruns(results: readonly TestResult[]): Rerun[] {
  const failures = results.filter(({ kind }) => kind === 'failed');
  if (failures.length > MAX_RERUNS) return [];
  const whole = new Set(failures.filter(({ isHook }) => isHook).map(({ file }) => file));
  const single = failures.filter(({ file }) => !whole.has(file));
  return [
    ...[...whole].map((file) => ({ file, fullTitle: null })),
    ...single.map(({ file, fullTitle }) => ({ file, fullTitle })),
  ];
}

/**
 * The counts of a level: what passed when it ran alone takes the place of what failed at first.
 * @returns also a line for each test or hook that failed at first and passed alone
 */
export function combineResults(
  results: readonly TestResult[],
  outcomes: readonly RerunOutcome[],
): LevelOutcome {
  let combined = [...results];
  const unsteady: string[] = [];
  for (const { rerun, results: alone } of outcomes) {
    const isGood = alone.length > 0 && alone.every(({ kind }) => kind === 'passed');
    if (!isGood) continue;
    const isCovered = ({ file, fullTitle }: TestResult): boolean =>
      file === rerun.file && (rerun.fullTitle === null || fullTitle === rerun.fullTitle);
    for (const { fullTitle, error, kind } of combined.filter(isCovered)) {
      if (kind === 'passed') continue;
      unsteady.push(`unsteady: ${fullTitle}: failed at first: ${error}; passed alone`);
    }
    combined = [...combined.filter((result) => !isCovered(result)), ...alone];
  }
  const failed = combined.filter(({ kind }) => kind === 'failed').length;
  return { passed: combined.length - failed, failed, unsteady };
}
