// What the consumers report of themselves, for the two health answers of the process.

export type ConsumerHealth = {
  /** The consumer of this name did something: its loop runs. */
  active(consumer: string): void;
  /** Whether the consumer is a member of its group. */
  joined(consumer: string, isMember: boolean): void;
  /** The group took a heartbeat of the consumer. */
  heartbeatAccepted(consumer: string): void;
  /** A partition (as `topicPartitionOf` names it) waits for a transient failure to pass. */
  stalled(topicPartition: string, reason: string): void;
  /** A partition is applied again. */
  resumed(topicPartition: string): void;
  /** Is every consumer active? */
  isLive(): boolean;
  /** Why the work can't be done now; null when it can. */
  notReadyReason(): string | null;
};

/** Longer than anything a healthy consumer waits for; a rebalance may take a minute. */
const SILENCE_LIMIT_MS = 120_000;
/** As long as a group waits for a heartbeat. */
const HEARTBEAT_LIMIT_MS = 10_000;
/** A shorter stall is no reason to take the process out: a deadlock, a restart of the registry. */
const STALL_LIMIT_MS = 3_000;

/** The health of a process with these consumers. `now`: a clock in milliseconds that never goes back. */
export function createConsumerHealth(
  consumers: readonly string[],
  now: () => number,
): ConsumerHealth {
  const activeAt = new Map(consumers.map((consumer) => [consumer, now()]));
  const heartbeatAt = new Map<string, number>();
  const stalls = new Map<string, { sinceMs: number; reason: string }>();
  return {
    active: (consumer) => {
      activeAt.set(consumer, now());
    },
    joined: (consumer, isMember) => {
      if (isMember) heartbeatAt.set(consumer, now());
      else heartbeatAt.delete(consumer);
    },
    heartbeatAccepted: (consumer) => {
      if (heartbeatAt.has(consumer)) heartbeatAt.set(consumer, now());
    },
    stalled: (topicPartition, reason) => {
      stalls.set(topicPartition, { sinceMs: stalls.get(topicPartition)?.sinceMs ?? now(), reason });
    },
    resumed: (topicPartition) => {
      stalls.delete(topicPartition);
    },
    isLive: () => [...activeAt.values()].every((at) => now() - at < SILENCE_LIMIT_MS),
    notReadyReason: () => {
      for (const consumer of consumers) {
        const at = heartbeatAt.get(consumer);
        if (at === undefined) return `the consumer of ${consumer} is not in its group`;
        if (now() - at > HEARTBEAT_LIMIT_MS) return `the group of ${consumer} does not answer`;
      }
      for (const [topicPartition, { sinceMs, reason }] of stalls) {
        const stalledMs = now() - sinceMs;
        if (stalledMs > STALL_LIMIT_MS) {
          return `${topicPartition} has been waiting for ${Math.round(stalledMs / 1_000)} s: ${reason}`;
        }
      }
      return null;
    },
  };
}
