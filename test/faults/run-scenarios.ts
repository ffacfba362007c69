// Scenarios one after the other, those of one setting in one system; a system where something went
// wrong is not used again.
import { join } from 'node:path';
import { messageOf } from '../../platform/errors.ts';
import { randomWord } from '../../platform/random-word.ts';
import type { Parts } from '../support/faults/parts.ts';
import { openSetting, type Setting } from './environment.ts';
import {
  type LoadSize,
  notPlayed,
  runScenario,
  type Scenario,
  type ScenarioReport,
} from './run-scenario.ts';

/** A log that grows with each scenario costs the verifier time. */
const SCENARIOS_PER_WORLD = 8;
const OPEN_ATTEMPTS = 3;
/** What can't be undone: the system is of no use to the next one. */
const SPENT_BY_ONE = new Set(['replicated']);

/** Runs all of them in this order. `told`: called after each. @returns a report for each that ran */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: {
    parts: Parts;
    folder: string;
    size: LoadSize;
    signal: AbortSignal;
    told: (report: ScenarioReport) => void;
  },
): Promise<ScenarioReport[]> {
  const reports: ScenarioReport[] = [];
  // In a box: the compiler takes a variable that only closures change for one that never changes.
  const now: { setting: Setting | null } = { setting: null };
  let played = 0;
  const leave = async (): Promise<void> => {
    const { setting } = now;
    now.setting = null;
    await setting?.close().catch((error: unknown) => console.error(`closing: ${messageOf(error)}`));
  };
  // Right after its start a server may take longer than its clients wait.
  const open = async ({ setting: name }: Scenario): Promise<Setting> => {
    played = 0;
    for (let attempt = 1; ; attempt += 1) {
      const folder = join(options.folder, `${name}-${randomWord(6)}`);
      try {
        return await openSetting(name, options.parts, folder);
      } catch (error) {
        if (attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  };
  const playOne = async (scenario: Scenario): Promise<ScenarioReport> => {
    try {
      now.setting ??= await open(scenario);
      return await runScenario(scenario, now.setting, options.size);
    } catch (error) {
      return notPlayed(scenario, options.size, `no system to play it in: ${messageOf(error)}`);
    }
  };
  try {
    for (const scenario of scenarios) {
      if (options.signal.aborted) break;
      if (now.setting?.name !== scenario.setting || played >= SCENARIOS_PER_WORLD) await leave();
      const report = await playOne(scenario);
      played += 1;
      reports.push(report);
      options.told(report);
      const isSpent = SPENT_BY_ONE.has(scenario.setting) || scenario.mustBreak !== undefined;
      if (isSpent || report.problems.length > 0) await leave();
    }
  } finally {
    await leave();
  }
  return reports;
}
