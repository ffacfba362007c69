// Runs the tests: starts the real servers they need, runs mocha once per level, sums up.
//   npm test [-- LEVEL ...] [--env FILE] [--grep TEXT]
// LEVEL: unit, integration, e2e, faults (all when none is named). --env: use the servers named in this
// file (as `npm run stack -- up` writes it) instead of starting some; they are not killed, so there is
// no level faults then. That level is a choice; npm run test:faults runs every fault.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { randomWord } from '../platform/random-word.ts';
import { type Stack, stackVariables, startStack } from '../stack/stack.ts';
import { partsOf, serveParts } from './support/faults/parts.ts';
import { variablesIn } from './support/variables-in.ts';

// The last one kills the servers.
const LEVELS = ['unit', 'integration', 'e2e', 'faults'] as const;
type Level = (typeof LEVELS)[number];
/** Files at once. Those of integration mostly wait, for servers of their own or for names of their own. */
const JOBS: Readonly<Record<Level, number>> = { unit: 1, integration: 2, e2e: 1, faults: 1 };
type Result = { level: Level; passed: number; failed: number; seconds: number };

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
      results.push(await runLevel(level, environment, stopped.signal));
    }
  } finally {
    control?.close();
    await stack?.stop();
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const green = failed === 0 && passed > 0 && results.length === levels.length;
  if (green) rmSync(folder, { recursive: true, force: true });
  else if (needsServers) console.log(`logs and data of the servers: ${folder}`);
  console.log('');
  for (const result of results) {
    console.log(
      `${result.level.padEnd(12)} ${String(result.passed).padStart(5)} passed ${String(result.failed).padStart(4)} failed  ${result.seconds.toFixed(1).padStart(7)} s`,
    );
  }
  console.log(`in all ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return green ? 0 : 1;
}

async function runLevel(
  level: Level,
  addresses: Record<string, string>,
  signal: AbortSignal,
): Promise<Result> {
  console.log(`\n== ${level}`);
  const startedMs = performance.now();
  const args = [
    `test/${level}/**/*.test.ts`,
    ...(JOBS[level] > 1 ? ['--parallel', '--jobs', String(JOBS[level])] : []),
    ...(values.grep ? ['--grep', values.grep] : []),
  ];
  const child = spawn('node_modules/.bin/mocha', args, {
    env: { ...process.env, ...addresses },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  signal.addEventListener('abort', () => child.kill('SIGTERM'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString();
  });
  const code = await new Promise<number>((resolve) =>
    child.once('close', (exitCode) => resolve(exitCode ?? 1)),
  );
  const counted = (word: string): number =>
    Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0);
  const failed = counted('failing');
  return {
    level,
    passed: counted('passing'),
    // A run that broke without counting a failure has failed all the same.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    seconds: (performance.now() - startedMs) / 1_000,
  };
}
