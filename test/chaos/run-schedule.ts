// A schedule, carried out.
import { pause } from '../../platform/backoff.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Environment } from '../faults/environment.ts';
import type { Fault } from '../faults/fault.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { Planned } from './schedule.ts';

/** A server that comes back while what it needs is away may need several starts. */
const END_LIMIT_MS = 180_000;

/**
 * Does everything at its moment and undoes it. What can't be done because something else is broken at
 * that moment is told and left out.
 * @param tell gets a line for each beginning and end
 * @returns how many faults happened
 * @throws Error when one can't be undone within three minutes
 */
export async function play(
  planned: readonly Planned[],
  environment: Environment,
  tell: (line: string) => void,
): Promise<number> {
  const startedMs = performance.now();
  const say = (line: string): void =>
    tell(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  const carryOut = async ({ atMs, fault }: Planned): Promise<boolean> => {
    await pause(startedMs + atMs - performance.now());
    const begun = await begin(fault, environment);
    say(begun === null ? fault.name : `NOT DONE ${fault.name}: ${begun}`);
    await pause(fault.lastsMs ?? 0);
    // Also after a beginning that failed: it may have done half of it.
    await waitUntil(
      `${fault.name} is undone`,
      async () => {
        try {
          await fault.end?.(environment);
          return true;
        } catch (error) {
          say(`not undone yet: ${fault.name}: ${messageOf(error).split('\n')[0]}`);
          await pause(1_000);
          return false;
        }
      },
      END_LIMIT_MS,
    );
    if (fault.end !== undefined) say(`over: ${fault.name}`);
    return begun === null;
  };
  const done = await Promise.all(planned.map(carryOut));
  return done.filter((isDone) => isDone).length;
}

/** @returns why it could not begin; null when it did */
async function begin(fault: Fault, environment: Environment): Promise<string | null> {
  try {
    await fault.begin(environment);
    return null;
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? '';
  }
}
