// How the projector is, for its two health answers.

export type Condition = {
  /** The consumer of this name did something: the loop turns. */
  turned(consumer: string): void;
  /** Whether the consumer holds a place in its group. */
  joined(consumer: string, isIn: boolean): void;
  /** The group took a heartbeat of the consumer. */
  heard(consumer: string): void;
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
/** As long as a group waits for a heartbeat. */
const HEARTBEAT_LIMIT_MS = 10_000;
/** Shorter troubles are no news: a deadlock, a restart of the registry. */
const STUCK_LIMIT_MS = 3_000;

/** The condition of a process with these consumers. `now`: a clock in milliseconds that never goes back. */
export function createCondition(consumers: readonly string[], now: () => number): Condition {
  const turnedAt = new Map(consumers.map((consumer) => [consumer, now()]));
  const heardAt = new Map<string, number>();
  const stuckSince = new Map<string, { sinceMs: number; reason: string }>();
  return {
    turned: (consumer) => {
      turnedAt.set(consumer, now());
    },
    joined: (consumer, isIn) => {
      if (isIn) heardAt.set(consumer, now());
      else heardAt.delete(consumer);
    },
    heard: (consumer) => {
      if (heardAt.has(consumer)) heardAt.set(consumer, now());
    },
    stuck: (lane, reason) => {
      stuckSince.set(lane, { sinceMs: stuckSince.get(lane)?.sinceMs ?? now(), reason });
    },
    flowing: (lane) => {
      stuckSince.delete(lane);
    },
    isLive: () => [...turnedAt.values()].every((at) => now() - at < SILENCE_LIMIT_MS),
    hindrance: () => {
      for (const consumer of consumers) {
        const at = heardAt.get(consumer);
        if (at === undefined) return `the consumer of ${consumer} is not in its group`;
        if (now() - at > HEARTBEAT_LIMIT_MS) return `the group of ${consumer} does not answer`;
      }
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
