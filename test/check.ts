// `npm run check`: types, lint with the import rules, dead code, unit tests. Green before every commit.
import { spawnSync } from 'node:child_process';

const steps: [string, string, string[]][] = [
  ['types', 'tsc', ['--noEmit']],
  ['lint and imports', 'biome', ['check', '--error-on-warnings', '.']],
  ['dead code', 'knip', []],
  ['unit tests', 'mocha', ['--reporter', 'dot', 'test/unit/**/*.test.ts']],
];

const failed: string[] = [];
for (const [name, command, args] of steps) {
  const startedMs = performance.now();
  const { status } = spawnSync(`node_modules/.bin/${command}`, args, { stdio: 'inherit' });
  if (status !== 0) failed.push(name);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${command}), ${seconds} s`);
}
process.exitCode = failed.length === 0 ? 0 : 1;
