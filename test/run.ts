// Runs the tests: starts the real servers they need, runs mocha once per level, sums up.
//   npm test [-- LEVEL ...] [--env FILE] [--grep TEXT]
// LEVEL: unit, integration, e2e, faults (all when none is named). --env: use the servers named in this
// file (as `npm run stack -- up` writes it) instead of starting some; they are not killed, so there is
// no level faults then. That level is a choice; npm run test:faults runs every fault.
// What fails at a level with servers is run once more, alone, at the end of that level
// (support/run/results.ts): it counts as passed when it passes then, and is named before the last line.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { randomWord } from '../platform/random-word.ts';
import { type Stack, stackVariables, startStack } from '../stack/stack.ts';
import { partsOf, serveParts } from './support/faults/parts.ts';
import type { LevelOutcome } from './support/run/results.ts';
import { runLevel } from './support/run/run-level.ts';
import { variablesIn } from './support/variables-in.ts';

// The last one kills the servers.
const LEVELS = ['unit', 'integration', 'e2e', 'faults'] as const;
type Level = (typeof LEVELS)[number];
/** Files at once. Those of integration mostly wait, for servers of their own or for names of their own. */
const JOBS: Readonly<Record<Level, number>> = { unit: 1, integration: 2, e2e: 1, faults: 1 };
type Result = LevelOutcome & { level: Level; seconds: number };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { env: { type: 'string' }, grep: { type: 'string' } },
});
const levels = LEVELS.filter((level) =>
  positionals.length === 0
    ? level !== 'faults' || values.env === undefined
    : positionals.includes(level),
);
const unknown = positionals.filter((name) => !LEVELS.some((level) => level === name));
if (unknown.length > 0) {
  console.error(`no such level: ${unknown.join(', ')}; there are ${LEVELS.join(', ')}`);
  process.exit(2);
}

process.exitCode = await run();

async function run(): Promise<number> {
  let running: Level | undefined;
  const startedMs = performance.now();
  const folder = `.firstcome/test-${randomWord(8)}`;
  const needsServers = levels.some((level) => level !== 'unit') && values.env === undefined;
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  let stack: Stack | undefined;
  let control: { url: string; close(): void } | undefined;
  const results: Result[] = [];
  try {
    if (needsServers) {
      console.log(`starting the servers of this run in ${folder}`);
      stack = await startStack({
        folder,
        parts: ['kafka', 'registry', 'redis', 'mysql', 'mariadb'],
        restart: false,
        report: (line) => console.log(`  ${line}`),
        onDeath: (part, lines) => {
          if (running !== 'faults') console.error(`${part} died:\n${lines.join('\n')}`);
        },
        signal: stopped.signal,
      });
      control = await serveParts(partsOf(stack, folder));
    }
    const addresses = stack === undefined ? variablesIn(values.env) : stackVariables(stack);
    const environment = {
      ...addresses,
      ...(control === undefined ? {} : { STACK_CONTROL_URL: control.url, STACK_FOLDER: folder }),
    };
    for (const level of levels) {
      if (stopped.signal.aborted) break;
      running = level;
      results.push(await runOne(level, environment, stopped.signal));
    }
  } finally {
    control?.close();
    await stack?.stop();
  }
  const { passed, failed } = totalOf(results);
  const isGreen = failed === 0 && passed > 0 && results.length === levels.length;
  if (isGreen) rmSync(folder, { recursive: true, force: true });
  else if (needsServers) console.log(`logs and data of the servers: ${folder}`);
  console.log('');
  printSummary(results, performance.now() - startedMs);
  return isGreen ? 0 : 1;
}

async function runOne(
  level: Level,
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<Result> {
  console.log(`\n== ${level}`);
  const startedMs = performance.now();
  const args = [
    `test/${level}/**/*.test.ts`,
    ...(JOBS[level] > 1 ? ['--parallel', '--jobs', String(JOBS[level])] : []),
    // In parallel, mocha counts each file without a chosen test as a failure.
    ...(values.grep ? ['--grep', values.grep, '--no-fail-zero'] : []),
  ];
  const outcome = await runLevel({ args, environment, rerun: level !== 'unit', signal });
  return { level, ...outcome, seconds: (performance.now() - startedMs) / 1_000 };
}

/** A line for each level, the unsteady tests, and the counts of all as the last line. */
function printSummary(results: readonly Result[], tookMs: number): void {
  for (const { level, passed, failed, seconds } of results) {
    console.log(
      `${level.padEnd(12)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed  ${seconds.toFixed(1).padStart(7)} s`,
    );
  }
  console.log(`in all ${(tookMs / 1_000).toFixed(1)} s`);
  for (const line of results.flatMap(({ unsteady }) => unsteady)) console.log(line);
  const { passed, failed } = totalOf(results);
  console.log(`${passed} passed, ${failed} failed`);
}

function totalOf(results: readonly Result[]): { passed: number; failed: number } {
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failed: results.reduce((sum, result) => sum + result.failed, 0),
  };
}
