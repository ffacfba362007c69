// Scenarios one after the other, those of one setup in one system; a system where something went
// wrong is not used again.
import { join } from 'node:path';
import { messageOf } from '../../platform/errors.ts';
import { randomWord } from '../../platform/random-word.ts';
import type { Parts } from '../support/faults/parts.ts';
import { openSetup, type Setup } from './environment.ts';
import {
  type LoadSize,
  notRun,
  runScenario,
  type Scenario,
  type ScenarioReport,
} from './run-scenario.ts';

/** A log that grows with each scenario costs the verifier time. */
const SCENARIOS_PER_SYSTEM = 8;
const OPEN_ATTEMPTS = 3;
/** What can't be undone: the system is of no use to the next one. */
const SPENT_BY_ONE = new Set(['replicated']);

/** Runs all of them in this order. `onReport`: called after each. @returns a report for each that ran */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: {
    parts: Parts;
    folder: string;
    size: LoadSize;
    signal: AbortSignal;
    onReport: (report: ScenarioReport) => void;
  },
): Promise<ScenarioReport[]> {
  const reports: ScenarioReport[] = [];
  // In a box: the compiler takes a variable that only closures change for one that never changes.
  const now: { setup: Setup | null } = { setup: null };
  let runsInSystem = 0;
  const leave = async (): Promise<void> => {
    const { setup } = now;
    now.setup = null;
    await setup?.close().catch((error: unknown) => console.error(`closing: ${messageOf(error)}`));
  };
  // Right after its start a server may take longer than its clients wait.
  const open = async ({ setup: name }: Scenario): Promise<Setup> => {
    runsInSystem = 0;
    for (let attempt = 1; ; attempt += 1) {
      const folder = join(options.folder, `${name}-${randomWord(6)}`);
      try {
        return await openSetup(name, options.parts, folder);
      } catch (error) {
        if (attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  };
  const runOne = async (scenario: Scenario): Promise<ScenarioReport> => {
    try {
      now.setup ??= await open(scenario);
      return await runScenario(scenario, now.setup, options.size);
    } catch (error) {
      return notRun(scenario, options.size, `no system to run it in: ${messageOf(error)}`);
    }
  };
  try {
    for (const scenario of scenarios) {
      if (options.signal.aborted) break;
      if (now.setup?.name !== scenario.setup || runsInSystem >= SCENARIOS_PER_SYSTEM) await leave();
      const report = await runOne(scenario);
      runsInSystem += 1;
      reports.push(report);
      options.onReport(report);
      const isSpent = SPENT_BY_ONE.has(scenario.setup) || scenario.mustBreak !== undefined;
      if (isSpent || report.problems.length > 0) await leave();
    }
  } finally {
    await leave();
  }
  return reports;
}
