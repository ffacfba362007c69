// How the projector is, for its two health answers.

export type Condition = {
  /** The consumer of this name did something: the loop turns. */
  turned(consumer: string): void;
  /** Whether the consumer holds a place in its group. */
  joined(consumer: string, isIn: boolean): void;
  /** A partition waits for something to pass by itself. */
  stuck(lane: string, reason: string): void;
  /** A partition gets on. */
  flowing(lane: string): void;
  /** Does every consumer turn? */
  isLive(): boolean;
  /** Why the work can't be done now; null when it can. */
  hindrance(): string | null;
};

/** Longer than anything a healthy consumer waits for; a rebalance may take a minute. */
const SILENCE_LIMIT_MS = 120_000;
/** Shorter troubles are no news: a deadlock, a restart of the registry. */
const STUCK_LIMIT_MS = 3_000;

/** The condition of a process with these consumers. `now`: a clock in milliseconds that never goes back. */
export function createCondition(consumers: readonly string[], now: () => number): Condition {
  const turnedAt = new Map(consumers.map((consumer) => [consumer, now()]));
  const isJoined = new Set<string>();
  const stuckSince = new Map<string, { sinceMs: number; reason: string }>();
  return {
    turned: (consumer) => {
      turnedAt.set(consumer, now());
    },
    joined: (consumer, isIn) => {
      if (isIn) isJoined.add(consumer);
      else isJoined.delete(consumer);
    },
    stuck: (lane, reason) => {
      stuckSince.set(lane, { sinceMs: stuckSince.get(lane)?.sinceMs ?? now(), reason });
    },
    flowing: (lane) => {
      stuckSince.delete(lane);
    },
    isLive: () => [...turnedAt.values()].every((at) => now() - at < SILENCE_LIMIT_MS),
    hindrance: () => {
      const absent = consumers.find((consumer) => !isJoined.has(consumer));
      if (absent !== undefined) return `the consumer of ${absent} is not in its group`;
      for (const [lane, { sinceMs, reason }] of stuckSince) {
        const stuckMs = now() - sinceMs;
        if (stuckMs > STUCK_LIMIT_MS) {
          return `${lane} has been waiting for ${Math.round(stuckMs / 1_000)} s: ${reason}`;
        }
      }
      return null;
    },
  };
}
