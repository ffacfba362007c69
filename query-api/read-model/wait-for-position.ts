// Read your writes: a read waits until the projection has passed the position it names.
// One read of the checkpoints serves all waiting requests; without any, the checkpoints are not read.
import type { Position } from '../../contracts/position.ts';
import { pause } from '../../platform/backoff.ts';

/** How far the projection is in one partition: every record below `nextOffset` was dealt with. */
export type ProjectionCheckpoint = { topic: string; partition: number; nextOffset: bigint };

/** Whether the projection has passed the positions; 'too-many': refused, too many wait already. */
export type WaitOutcome = { kind: 'reached' } | { kind: 'not-reached' } | { kind: 'too-many' };

type Waiting = {
  positions: readonly Position[];
  deadline: number;
  outcome: PromiseWithResolvers<WaitOutcome>;
};

/**
 * Gives a function that waits until the projection has passed all `positions`, at most `waitMs`
 * milliseconds; with 0 it looks once. It fails with whatever `readCheckpoints` fails with, which has
 * to end in bounded time itself.
 */
export function createPositionWait(options: {
  readCheckpoints: () => Promise<readonly ProjectionCheckpoint[]>;
  intervalMs: number;
  maxWaiting: number;
}): (positions: readonly Position[], waitMs: number) => Promise<WaitOutcome> {
  const waiting = new Set<Waiting>();
  let reading = false;

  const readWhileWaiting = async (): Promise<void> => {
    reading = true;
    try {
      while (waiting.size > 0) {
        resolvePassed(waiting, await options.readCheckpoints());
        if (waiting.size > 0) await pause(options.intervalMs);
      }
    } catch (error) {
      for (const one of waiting) one.outcome.reject(error);
      waiting.clear();
    } finally {
      reading = false;
    }
  };

  return function waitForPosition(positions, waitMs) {
    if (waiting.size >= options.maxWaiting) return Promise.resolve({ kind: 'too-many' });
    const outcome = Promise.withResolvers<WaitOutcome>();
    waiting.add({ positions, deadline: performance.now() + waitMs, outcome });
    if (!reading) void readWhileWaiting();
    return outcome.promise;
  };
}

function resolvePassed(waiting: Set<Waiting>, checkpoints: readonly ProjectionCheckpoint[]): void {
  const nextOffsets = new Map(
    checkpoints.map(({ topic, partition, nextOffset }) => [`${topic}/${partition}`, nextOffset]),
  );
  const isPassed = ({ topic, partition, offset }: Position): boolean =>
    (nextOffsets.get(`${topic}/${partition}`) ?? 0n) > offset;
  const now = performance.now();
  for (const one of waiting) {
    const reached = one.positions.every(isPassed);
    if (!reached && now < one.deadline) continue;
    waiting.delete(one);
    one.outcome.resolve({ kind: reached ? 'reached' : 'not-reached' });
  }
}
