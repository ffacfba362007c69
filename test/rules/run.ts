// npm run test:rules [-- --only TEXT] [-- --env FILE]: takes each rule of docs/guarantees.md out of
// the code, one after the other, in a copy of this folder, and runs the tests that have to notice.
// Ends with 1 when one of them does not. --env: use these servers instead of starting some.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { randomWord } from '../../platform/random-word.ts';
import { stopSignal } from '../../stack/process/stop-signals.ts';
import { stackVariables, startStack } from '../../stack/stack.ts';
import { variablesIn } from '../support/variables-in.ts';
import { BREAKS, type Break } from './breaks.ts';

/** What a copy needs none of, or shares. */
const NOT_COPIED = ['node_modules', '.firstcome', '.git'];
const LIMIT_MS = 240_000;
const LIMIT_OF_ALL_MS = 900_000;

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, env: { type: 'string' } },
});
const chosen = BREAKS.filter(
  ({ rule, name }) => values.only?.some((text) => `${rule}: ${name}`.includes(text)) ?? true,
);
process.exitCode = await run();

async function run(): Promise<number> {
  const signal = stopSignal();
  const folder = `.firstcome/rules-${randomWord(8)}`;
  const copy = mkdtempSync(join(tmpdir(), 'firstcome-rules-'));
  const stack =
    values.env === undefined
      ? await startStack({
          folder,
          parts: ['kafka', 'registry', 'redis', 'mysql', 'mariadb'],
          restart: false,
          report: console.log,
          signal,
        })
      : undefined;
  const addresses = stack === undefined ? variablesIn(values.env) : stackVariables(stack);
  let unnoticed = 0;
  try {
    copyTree(copy);
    const tests = [...new Set(chosen.flatMap((broken) => broken.tests))];
    const { passes, failures } = runTests(copy, tests, addresses, LIMIT_OF_ALL_MS);
    console.log(`nothing broken: ${passes} passed, ${failures} failed`);
    // Tests that fail anyway would notice everything.
    if (passes === 0 || failures > 0) return 1;
    for (const broken of chosen) {
      if (signal.aborted) break;
      const startedMs = performance.now();
      const noticed = isNoticed(copy, broken, addresses);
      if (!noticed) unnoticed += 1;
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
      console.log(
        `${noticed ? 'noticed ' : 'UNNOTICED'} ${broken.rule.padEnd(4)} ${broken.name} (${seconds} s)`,
      );
    }
  } finally {
    await stack?.stop();
    for (const used of [copy, folder]) rmSync(used, { recursive: true, force: true });
  }
  console.log(`${chosen.length - unnoticed} of ${chosen.length} noticed`);
  return unnoticed === 0 && !signal.aborted ? 0 : 1;
}

function copyTree(copy: string): void {
  const root = resolve('.');
  cpSync(root, copy, {
    recursive: true,
    filter: (source) => !NOT_COPIED.includes(basename(source)),
  });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

/** Does at least one test fail while the rule is broken? */
function isNoticed(
  copy: string,
  { file, find, replace, tests }: Break,
  addresses: Record<string, string>,
): boolean {
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    whole.replace(find, () => replace),
  );
  try {
    return runTests(copy, tests, addresses, LIMIT_MS).failures > 0;
  } finally {
    writeFileSync(path, whole);
  }
}

/** Stops at the first failure. A run that reports no result counts as neither. */
function runTests(
  copy: string,
  tests: readonly string[],
  addresses: Record<string, string>,
  timeout: number,
): { passes: number; failures: number } {
  const { stdout } = spawnSync('mocha', ['--bail', '--exit', '--reporter', 'json', ...tests], {
    cwd: copy,
    env: { ...process.env, ...addresses },
    timeout,
    encoding: 'utf8',
  });
  const count = (what: string): number =>
    Number(new RegExp(`"${what}": (\\d+)`).exec(stdout)?.[1] ?? 0);
  return { passes: count('passes'), failures: count('failures') };
}
