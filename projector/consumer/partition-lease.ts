// A turn: the time for which the consumer group leaves a partition to this process. It is kept by
// heartbeats, however long the work takes, and ends with a rebalance or when the process stops.
import { pause } from '../../platform/backoff.ts';

export type Turn = {
  /**
   * Runs `work` to its end while heartbeats go on.
   * @throws TurnEnded when the turn was over before or is over after it; else what `work` throws
   */
  during<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Waits while heartbeats go on.
   * @throws TurnEnded as soon as the turn is over
   */
  wait(ms: number): Promise<void>;
};

/** Not a failure: somebody else goes on from the checkpoint. `cause`: what Kafka said, if it did. */
export class TurnEnded extends Error {
  constructor(options: { cause?: unknown } = {}) {
    super('the turn at this partition is over', options);
    this.name = 'TurnEnded';
  }
}

const BEAT_MS = 1_000;

/**
 * A turn that lasts while `isOurs` says so and `heartbeat` does not throw. `closing` ends waits at once.
 */
export function createTurn(group: {
  heartbeat: () => Promise<void>;
  isOurs: () => boolean;
  closing: AbortSignal;
}): Turn {
  let lost: TurnEnded | undefined;
  const beat = async (): Promise<void> => {
    try {
      await group.heartbeat();
    } catch (cause) {
      lost ??= new TurnEnded({ cause });
    }
  };
  const check = (): void => {
    if (lost !== undefined) throw lost;
    if (!group.isOurs()) throw new TurnEnded();
  };
  return {
    during: async (work) => {
      check();
      const timer = setInterval(beat, BEAT_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        if (lost !== undefined) check();
      }
    },
    wait: async (ms) => {
      const until = performance.now() + ms;
      for (;;) {
        check();
        const left = until - performance.now();
        if (left <= 0) return;
        await pause(Math.min(left, BEAT_MS), group.closing);
        if (!group.closing.aborted) await beat();
      }
    },
  };
}
