// A partition lease: the time for which the consumer group leaves a partition to this process. It is
// kept by heartbeats, however long the work takes, and ends with a rebalance or when the process stops.
import { pause } from '../../platform/backoff.ts';

export type PartitionLease = {
  /**
   * Runs `work` to its end while heartbeats go on.
   * @throws PartitionRevoked when the lease was over before or is over after it; else what `work` throws
   */
  during<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Waits while heartbeats go on.
   * @throws PartitionRevoked as soon as the lease is over
   */
  wait(ms: number): Promise<void>;
};

/** Not a failure: another process goes on from the checkpoint. `cause`: Kafka's error, if there was one. */
export class PartitionRevoked extends Error {
  constructor(options: { cause?: unknown } = {}) {
    super('the partition was revoked from this process', options);
    this.name = 'PartitionRevoked';
  }
}

const HEARTBEAT_EVERY_MS = 1_000;

/**
 * A lease that lasts while `isOurs` is true and `heartbeat` does not throw. `closing` ends waits at once.
 */
export function createPartitionLease(group: {
  heartbeat: () => Promise<void>;
  isOurs: () => boolean;
  closing: AbortSignal;
}): PartitionLease {
  let revoked: PartitionRevoked | undefined;
  const beat = async (): Promise<void> => {
    try {
      await group.heartbeat();
    } catch (cause) {
      revoked ??= new PartitionRevoked({ cause });
    }
  };
  const check = (): void => {
    if (revoked !== undefined) throw revoked;
    if (!group.isOurs()) throw new PartitionRevoked();
  };
  return {
    during: async (work) => {
      check();
      const timer = setInterval(beat, HEARTBEAT_EVERY_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        if (revoked !== undefined) check();
      }
    },
    wait: async (ms) => {
      const until = performance.now() + ms;
      for (;;) {
        check();
        const left = until - performance.now();
        if (left <= 0) return;
        await pause(Math.min(left, HEARTBEAT_EVERY_MS), group.closing);
        if (!group.closing.aborted) await beat();
      }
    },
  };
}
