// npm run test:chaos -- --seed N --minutes M: random faults at random moments on all parts, under
// load, on servers of its own; invariants 1 and 2 on the way, all of them at the end.
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { randomWord } from '../../platform/random-word.ts';
import { stopSignal } from '../../stack/process/stop-signals.ts';
import { type Stack, stackVariables, startStack } from '../../stack/stack.ts';
import { openSetup, type Setup } from '../faults/environment.ts';
import type { Fault } from '../faults/fault.ts';
import { type LoadSize, runScenario, type ScenarioReport } from '../faults/run-scenario.ts';
import { partsOf } from '../support/faults/parts.ts';
import { PER_USER_LIMIT } from '../support/workload/sustained-load.ts';
import { runSchedule } from './run-schedule.ts';
import { formatSchedule, type PlannedFault, planChaos } from './schedule.ts';
import { startWatch } from './watch.ts';

const RATE = 150;
const MAX_SEED = 2 ** 31;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(MAX_SEED)) },
    minutes: { type: 'string', default: '2' },
    'schedule-only': { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const lengthMs = Number(values.minutes) * 60_000;
if (!Number.isInteger(seed) || seed < 0 || !(lengthMs >= 20_000)) {
  console.error(
    'npm run test:chaos -- [--seed N] [--minutes M] [--schedule-only]; N a whole number, M from 0.34 on',
  );
  process.exitCode = 2;
} else {
  const planned = planChaos(seed, lengthMs);
  console.log(`seed ${seed}, ${values.minutes} min:\n${formatSchedule(planned)}`);
  if (!values['schedule-only']) process.exitCode = await run(planned);
}

async function run(planned: PlannedFault[]): Promise<number> {
  const folder = `.firstcome/chaos-${randomWord(8)}`;
  const signal = stopSignal();
  let stack: Stack | undefined;
  let setup: Setup | undefined;
  let isGood = false;
  try {
    stack = await startStack({
      folder,
      parts: ['kafka', 'registry', 'redis', 'mysql'],
      restart: false,
      signal,
    });
    Object.assign(process.env, stackVariables(stack));
    setup = await openSetup('all', partsOf(stack, folder), folder);
    isGood = await runUnderLoad(setup, planned);
  } finally {
    await setup?.close();
    await stack?.stop();
  }
  if (isGood) rmSync(folder, { recursive: true, force: true });
  else console.log(`logs, ledger and data: ${folder}`);
  return isGood ? 0 : 1;
}

async function runUnderLoad(setup: Setup, planned: PlannedFault[]): Promise<boolean> {
  const size: LoadSize = {
    rate: RATE,
    quantity: Math.round((RATE * lengthMs) / 1_000),
    connections: 60,
  };
  let happened = 0;
  let watched = { looks: 0, breaches: [] as string[] };
  const fault: Fault = {
    name: `seed ${seed}`,
    part: 'all',
    begin: async (environment) => {
      const watch = startWatch(environment, size.quantity, PER_USER_LIMIT);
      try {
        happened = await runSchedule(planned, environment, console.log);
      } finally {
        watched = await watch.end();
      }
    },
  };
  const limits = { successWithinS: 30, lagWithinS: 90 };
  const report = await runScenario({ fault, setup: 'all', ...limits }, setup, size);
  report.problems.push(...watched.breaches.map((breach) => `on the way: ${breach}`));
  printReport(report, `${happened} of ${planned.length} faults`, watched.looks);
  return report.problems.length === 0;
}

function printReport(report: ScenarioReport, faults: string, looks: number): void {
  const { accepted, expected, successS, lagS, pauseS, problems, findings, repeats } = report;
  console.log(`\nseed ${seed}: ${faults}, ${accepted} of ${expected} accepted`);
  console.log(`  asked again: ${JSON.stringify(repeats)}`);
  console.log(`  longest pause ${pauseS?.toFixed(1)} s`);
  console.log(
    `  after the last fault: success ${successS?.toFixed(1)} s, lag 0 ${lagS?.toFixed(1)} s`,
  );
  console.log(`  invariants 1 and 2 looked at ${looks} times on the way`);
  for (const problem of problems) console.log(`  PROBLEM ${problem}`);
  const verdict = problems.length === 0 ? `all ${findings?.length} invariants hold` : 'BROKEN';
  console.log(`seed ${seed}: ${verdict}`);
}
