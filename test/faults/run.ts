// npm run test:faults [-- --only TEXT] [-- --list]: every fault of the design, in mid-load, on servers
// of its own; then the verifier, and a table. Ends with 1 when anything is not as it should be.
import { existsSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { randomWord } from '../../platform/random-word.ts';
import { stopSignal } from '../../stack/process/stop-signals.ts';
import { type Stack, stackVariables, startStack } from '../../stack/stack.ts';
import { partsOf } from '../support/faults/parts.ts';
import { formatReports } from './format-reports.ts';
import { type ScenarioReport, USUAL_LOAD } from './run-scenario.ts';
import { runScenarios } from './run-scenarios.ts';
import { SCENARIOS } from './scenarios.ts';

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean', default: false } },
});
const chosen = SCENARIOS.filter(
  ({ fault: { name } }) => values.only?.some((text) => name.includes(text)) ?? true,
);
if (values.list) for (const { fault, setup } of chosen) console.log(`${setup}: ${fault.name}`);
else process.exitCode = await run();

async function run(): Promise<number> {
  const startedMs = performance.now();
  const folder = `.firstcome/faults-${randomWord(8)}`;
  const signal = stopSignal();
  let stack: Stack | undefined;
  let reports: ScenarioReport[] = [];
  try {
    stack = await startStack({
      folder,
      parts: ['kafka', 'registry', 'redis', 'mysql'],
      restart: false,
      report: console.log,
      signal,
    });
    Object.assign(process.env, stackVariables(stack));
    reports = await runScenarios(chosen, {
      parts: partsOf(stack, folder),
      folder,
      size: USUAL_LOAD,
      signal,
      onReport: printReport,
    });
  } finally {
    await stack?.stop();
  }
  const failed = reports.filter(({ problems }) => problems.length > 0);
  console.log(`\n${formatReports(reports)}\n`);
  for (const { name, problems } of failed) console.log(`${name}:\n  ${problems.join('\n  ')}`);
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  const left = chosen.length - reports.length;
  console.log(
    `${reports.length} faults, ${failed.length} with problems, ${left} not run, ${minutes} min`,
  );
  const isGood = failed.length === 0 && left === 0 && reports.length > 0;
  if (isGood && existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  else console.log(`logs, ledgers and data: ${folder}`);
  return isGood ? 0 : 1;
}

function printReport({ name, problems, tookS, repeats, reads }: ScenarioReport): void {
  const verdict = problems.length === 0 ? 'ok    ' : 'FAILED';
  console.log(`${verdict} ${name} (${tookS.toFixed(0)} s)`);
  console.log(`         asked again ${JSON.stringify(repeats)}, reads ${JSON.stringify(reads)}`);
  for (const problem of problems) console.log(`         ${problem}`);
}
