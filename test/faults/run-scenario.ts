// One scenario: users come, meanwhile a fault begins and ends; then everybody is answered, everything
// that was written has arrived, and every invariant holds.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { topicPartitionOf } from '../../contracts/position.ts';
import { EVENT_TOPICS } from '../../contracts/topics.ts';
import { pause } from '../../platform/backoff.ts';
import { messageOf } from '../../platform/errors.ts';
import { readLogRanges } from '../../platform/kafka/admin.ts';
import { checkpointsOf } from '../../verifier/checkers/check-read-model.ts';
import { type Finding, findingOf } from '../../verifier/finding.ts';
import { readCheckpoints } from '../../verifier/read/read-tables.ts';
import { parseVerifySettings } from '../../verifier/settings.ts';
import { verify } from '../../verifier/verify.ts';
import type { System } from '../support/system/system.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type LoadResult, startLoad, WRONG } from '../support/workload/sustained-load.ts';
import type { FaultEnvironment, Setup, SetupName } from './environment.ts';
import type { Fault } from './fault.ts';

export type Scenario = {
  fault: Fault;
  setup: SetupName;
  /** Seconds after the end of the fault in which a unit is given again (10), and the lag is gone (30). */
  successWithinS?: number;
  lagWithinS?: number;
  /** The invariants that must be found broken, and no others. */
  mustBreak?: readonly number[];
  /** What else must be true; gives what is not. */
  check?(environment: FaultEnvironment, result: LoadResult): Promise<string[]>;
};

export type LoadSize = { quantity: number; rate: number; connections: number };

export type ScenarioReport = {
  name: string;
  accepted: number;
  expected: number;
  /** Null when the scenario did not get that far. */
  findings: Finding[] | null;
  /** The longest time without a unit given, from the fault's beginning until success was back. */
  pauseS: number | null;
  /** After the end of the fault; null: not within the limit. */
  successS: number | null;
  lagS: number | null;
  repeats: Record<string, number>;
  reads: Record<string, number>;
  /** Everything that is not as it should be, breaches of invariants included. */
  problems: string[];
  tookS: number;
};

export const USUAL_LOAD: LoadSize = { quantity: 10_000, rate: 200, connections: 60 };

const SUCCESS_WITHIN_S = 10;
const LAG_WITHIN_S = 30;
/** So much longer than its limit is waited, to know how long it takes. */
const PATIENCE = 4;
const QUIESCENCE_MS = 60_000;
/** The load goes on at its pace for so long after all is well again. */
const CALM_MS = 1_000;

/** The report of a scenario that has not been run, and why not. */
export function notRun(
  { fault }: Pick<Scenario, 'fault'>,
  size: LoadSize,
  ...problems: string[]
): ScenarioReport {
  return {
    name: fault.name,
    accepted: 0,
    expected: size.quantity,
    findings: null,
    pauseS: null,
    successS: null,
    lagS: null,
    repeats: {},
    reads: {},
    problems,
    tookS: 0,
  };
}

/** Runs a scenario in a setup that is up and healthy. Never throws: what fails is a problem. */
export async function runScenario(
  {
    fault,
    successWithinS = SUCCESS_WITHIN_S,
    lagWithinS = LAG_WITHIN_S,
    mustBreak,
    check,
  }: Scenario,
  setup: Setup,
  size: LoadSize,
): Promise<ScenarioReport> {
  const startedMs = performance.now();
  const report = notRun({ fault }, size);
  try {
    const load = await startLoad({
      ...size,
      commandApis: setup.commandApis,
      ledgerFile: join(setup.folder, `${fault.name.replaceAll(/[^\w-]+/g, '-')}.jsonl`),
    });
    const environment: FaultEnvironment = { ...setup, load };
    try {
      const limits = { successWithinS, lagWithinS };
      Object.assign(report, await hurt(environment, fault, size, limits, report));
    } finally {
      load.hurry();
    }
    const result = await finishLoad(environment, report);
    report.repeats = result.repeats;
    report.reads = result.reads;
    await addFindings(environment, result, report, { successWithinS, lagWithinS });
    if (check !== undefined) report.problems.push(...(await check(environment, result)));
    if (mustBreak !== undefined) expectBroken(report, mustBreak);
  } catch (error) {
    report.problems.push(messageOf(error));
  }
  report.tookS = (performance.now() - startedMs) / 1_000;
  return report;
}

function expectBroken(report: ScenarioReport, mustBreak: readonly number[]): void {
  const broken = report.findings?.filter(({ ok }) => !ok).map(({ invariant }) => invariant) ?? [];
  const isFound = broken.join() === mustBreak.join();
  report.problems = isFound
    ? []
    : [`found broken: ${broken.join(' ')}, not ${mustBreak.join(' ')}`];
}

type Limits = { successWithinS: number; lagWithinS: number };

async function hurt(
  environment: FaultEnvironment,
  fault: Fault,
  { quantity }: LoadSize,
  { successWithinS, lagWithinS }: Limits,
  report: ScenarioReport,
): Promise<Pick<ScenarioReport, 'pauseS' | 'successS' | 'lagS'>> {
  const { load, system } = environment;
  await waitUntil(
    'a twentieth of the units is assigned',
    () => load.accepted() >= quantity / 20,
    60_000,
  );
  const traceOf = watchTrace(fault, system);
  const beganMs = performance.now();
  try {
    await fault.begin(environment);
    await pause(fault.lastsMs ?? 0);
  } finally {
    // Also when it could not begin: half of it may have happened.
    await fault.end?.(environment);
  }
  const endedMs = performance.now();
  const secondsAfter = (ms: number | null): number | null =>
    ms === null ? null : (ms - endedMs) / 1_000;
  const [successMs, arrivedMs] = await Promise.all([
    load.successAfter(endedMs, successWithinS * PATIENCE * 1_000),
    lagGone(system, lagWithinS * PATIENCE * 1_000),
  ]);
  await pause(CALM_MS);
  report.problems.push(...traceOf());
  return {
    pauseS: load.longestPause(beganMs, successMs ?? performance.now()) / 1_000,
    successS: secondsAfter(successMs),
    lagS: secondsAfter(arrivedMs),
  };
}

/** From now on; @returns (its result) what is missing in the log of the fault's service */
function watchTrace({ trace }: Fault, system: System): () => string[] {
  if (trace === undefined) return () => [];
  const [service, text] = trace;
  const read = (): string => readFileSync(system.logFile(service), 'utf8');
  const before = read().length;
  return () =>
    read().slice(before).includes(text) ? [] : [`no effect: ${service} never logged ${text}`];
}

/** When the projection had passed what was in the log when this was asked; null: not in time. */
async function lagGone(system: System, limitMs: number): Promise<number | null> {
  const deadline = performance.now() + limitMs;
  const left = (): number => Math.max(0, deadline - performance.now());
  const patiently = <T>(ask: () => Promise<T>): Promise<T> =>
    waitUntil('an answer', () => ask().catch(() => undefined), left()) as Promise<T>;
  try {
    const ends = await patiently(() => endsOfLog(system));
    await waitUntil('the projection is there', () => isReached(system, ends), left());
    return performance.now();
  } catch {
    return null;
  }
}

async function endsOfLog({ events: { kafka, topicPrefix } }: System): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  for (const topic of EVENT_TOPICS) {
    for (const { partition, to } of await readLogRanges(kafka, topicPrefix + topic)) {
      ends.set(topicPartitionOf(topic, partition), Number(to));
    }
  }
  return ends;
}

async function isReached(
  { database }: System,
  ends: ReadonlyMap<string, number>,
): Promise<boolean> {
  const checkpoints = await readCheckpoints(database.db).catch(() => []);
  const reached = checkpointsOf({ checkpoints });
  return [...ends].every(([place, end]) => (reached.get(place) ?? 0) >= end);
}

async function finishLoad({ load }: FaultEnvironment, report: ScenarioReport): Promise<LoadResult> {
  const limit = setTimeout(load.giveUp, QUIESCENCE_MS);
  try {
    const result = await load.finished;
    report.accepted = result.ledger.accepted.length;
    return result;
  } finally {
    clearTimeout(limit);
  }
}

async function addFindings(
  { system }: FaultEnvironment,
  { ledger, failed, reads }: LoadResult,
  report: ScenarioReport,
  limits: Limits,
): Promise<void> {
  const { problems, accepted, expected } = report;
  if (accepted !== expected) problems.push(`${accepted} of ${expected} units were given`);
  if (ledger.unknownUsers.size > 0)
    problems.push(`${ledger.unknownUsers.size} users were not answered`);
  for (const [reason, count] of Object.entries(failed)) problems.push(`${count} times ${reason}`);
  for (const [outcome, count] of Object.entries(reads)) {
    if (outcome.startsWith(WRONG)) problems.push(`read side: ${count} times ${outcome}`);
  }
  const { findings, notArrived } = await verify(parseVerifySettings(system.variables), {
    ledger,
    waitMs: QUIESCENCE_MS,
  });
  report.findings = [...findings, timeFinding(report, limits)];
  problems.push(...notArrived);
  for (const { invariant, breaches } of report.findings) {
    const more = breaches.count > 1 ? ` (one of ${breaches.count})` : '';
    if (breaches.count > 0) problems.push(`invariant ${invariant}: ${breaches.examples[0]}${more}`);
  }
}

/** 11: success and lag are back within the stated time after the end of the fault. */
function timeFinding({ successS, lagS }: ScenarioReport, limits: Limits): Finding {
  return findingOf(11, 'after a fault everything comes back in time', (breach) => {
    const rows: [string, number | null, number][] = [
      ['success', successS, limits.successWithinS],
      ['lag 0', lagS, limits.lagWithinS],
    ];
    for (const [what, seconds, limit] of rows) {
      if (seconds !== null && seconds <= limit) continue;
      breach(
        `${what} was back after ${seconds?.toFixed(1) ?? 'too many'} s, stated are ${limit} s`,
      );
    }
    return Object.fromEntries(rows.map(([what, seconds]) => [what, seconds ?? -1]));
  });
}
