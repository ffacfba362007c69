// npm run check: types, lint with the import rules, dead code, unit tests. Green before every commit.
// npm run format: only the lint, and what it can mend is written.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

type Step = { name: string; command: string; args: string[] };

const CHECK: readonly Step[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit'] },
  { name: 'lint and imports', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'dead code', command: 'knip', args: [] },
  { name: 'unit tests', command: 'mocha', args: ['--reporter', 'dot', 'test/unit/**/*.test.ts'] },
];
const FORMAT: readonly Step[] = [
  { name: 'format', command: 'biome', args: ['check', '--write', '.'] },
];

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const failed = (values.write ? FORMAT : CHECK).filter((step) => !passes(step));
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs one step, and prints how it ended. */
function passes({ name, command, args }: Step): boolean {
  const startedMs = performance.now();
  // stack/bootstrap.mjs puts the programs of the packages into PATH.
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) console.error(`${error.message}: start this by npm run`);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${command}), ${seconds} s`);
  return status === 0;
}
