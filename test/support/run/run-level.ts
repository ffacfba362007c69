// Runs mocha on the tests of a level, and on single ones of them once more.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  combineResults,
  type LevelOutcome,
  planReruns,
  type Rerun,
  type RerunOutcome,
  type TestResult,
} from './results.ts';

/** stack/bootstrap.mjs puts the programs of the packages into PATH. */
const MOCHA = 'mocha';
const REPORTER = fileURLToPath(new URL('./result-reporter.ts', import.meta.url));

export type LevelOptions = {
  /** What mocha gets: files, and further flags. */
  args: readonly string[];
  /** Beside this process' own. */
  environment: Readonly<Record<string, string>>;
  /** Run a test that failed once more, alone. */
  rerun: boolean;
  /** Ends mocha. */
  signal: AbortSignal;
};

/** Runs a level; mocha's report goes to this process' output. */
export async function runLevel(options: LevelOptions): Promise<LevelOutcome> {
  const { results, code } = await runMocha(options.args, options);
  const failures = results.filter(({ kind }) => kind === 'failed');
  const reruns: RerunOutcome[] = [];
  for (const rerun of options.rerun ? planReruns(results) : []) {
    if (options.signal.aborted) break;
    console.log(`\n== once more, alone: ${rerun.fullTitle ?? rerun.file}`);
    const again = await runMocha(argsOf(rerun), options);
    reruns.push({ rerun, results: again.code === 0 ? again.results : [] });
  }
  const outcome = combineResults(results, reruns);
  // Mocha ends with the number of failures: with another one it broke off.
  const isWhole = code === Math.min(failures.length, 255);
  return isWhole ? outcome : { ...outcome, failed: outcome.failed + 1 };
}

function argsOf({ file, fullTitle }: Rerun): string[] {
  if (fullTitle === null) return [file];
  const pattern = fullTitle.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return [file, '--grep', `^${pattern}$`];
}

async function runMocha(
  args: readonly string[],
  { environment, signal }: LevelOptions,
): Promise<{ results: TestResult[]; code: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-results-'));
  const file = join(folder, 'results.jsonl');
  try {
    const reporter = ['--reporter', REPORTER, '--reporter-option', `file=${file}`];
    const child = spawn(MOCHA, [...args, ...reporter], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const stop = (): void => {
      child.kill('SIGTERM');
    };
    signal.addEventListener('abort', stop);
    const code = await new Promise<number>((resolve) =>
      child.once('close', (exitCode) => resolve(exitCode ?? -1)),
    );
    signal.removeEventListener('abort', stop);
    return { results: existsSync(file) ? parseResults(readFileSync(file, 'utf8')) : [], code };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parseResults(text: string): TestResult[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): TestResult => JSON.parse(line));
}
