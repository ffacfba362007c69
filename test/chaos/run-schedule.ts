// The schedule runner: begins and ends each fault at its time.
import { pause } from '../../platform/backoff.ts';
import { messageOf } from '../../platform/errors.ts';
import type { FaultEnvironment } from '../faults/environment.ts';
import type { Fault } from '../faults/fault.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { PlannedFault } from './schedule.ts';

/** A server that comes back while what it needs is away may need several starts. */
const END_LIMIT_MS = 180_000;

/**
 * Does everything at its moment and undoes it. What can't be done because something else is broken at
 * that moment is reported and left out.
 * @param report gets a line for each beginning and end
 * @returns how many faults happened
 * @throws Error when one can't be undone within three minutes
 */
export async function runSchedule(
  planned: readonly PlannedFault[],
  environment: FaultEnvironment,
  report: (line: string) => void,
): Promise<number> {
  const startedMs = performance.now();
  const reportNow = (line: string): void =>
    report(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  const carryOut = async ({ atMs, fault }: PlannedFault): Promise<boolean> => {
    await pause(startedMs + atMs - performance.now());
    const begun = await begin(fault, environment);
    reportNow(begun === null ? fault.name : `NOT DONE ${fault.name}: ${begun}`);
    await pause(fault.lastsMs ?? 0);
    // Also after a beginning that failed: it may have done half of it.
    await waitUntil(
      `${fault.name} is undone`,
      async () => {
        try {
          await fault.end?.(environment);
          return true;
        } catch (error) {
          reportNow(`not undone yet: ${fault.name}: ${messageOf(error).split('\n')[0]}`);
          await pause(1_000);
          return false;
        }
      },
      END_LIMIT_MS,
    );
    if (fault.end !== undefined) reportNow(`over: ${fault.name}`);
    return begun === null;
  };
  const done = await Promise.all(planned.map(carryOut));
  return done.filter((isDone) => isDone).length;
}

/** @returns why it could not begin; null when it did */
async function begin(fault: Fault, environment: FaultEnvironment): Promise<string | null> {
  try {
    await fault.begin(environment);
    return null;
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? '';
  }
}
