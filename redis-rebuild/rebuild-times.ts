// How long each part of a rebuild took.

/**
 * Milliseconds by part, in their order; `ahead` is the time before the claim for what was read by then,
 * `ahead` and `read` are without the time that `fold` took.
 */
export type RebuildTimes = Record<
  'ahead' | 'wait' | 'claim' | 'close' | 'mark' | 'read' | 'fold' | 'write' | 'gate' | 'total',
  number
>;

/** The parts that end one after the other. */
type MeasuredPart = Exclude<keyof RebuildTimes, 'fold' | 'total'>;

export type FoldTimes = Record<'ahead' | 'read', number>;

export type RebuildWatch = {
  /** Ends this part; the next one begins. */
  lap(part: MeasuredPart): void;
  /** The times of all parts. @param foldMs how much of these two went into folding */
  times(foldMs: FoldTimes): RebuildTimes;
};

/** A watch that runs from now on. */
export function startRebuildWatch(): RebuildWatch {
  const laps: Record<MeasuredPart, number> = {
    ahead: 0,
    wait: 0,
    claim: 0,
    close: 0,
    mark: 0,
    read: 0,
    write: 0,
    gate: 0,
  };
  const startedMs = performance.now();
  let lapMs = startedMs;
  return {
    lap: (part) => {
      const nowMs = performance.now();
      laps[part] = nowMs - lapMs;
      lapMs = nowMs;
    },
    times: (foldMs) => ({
      ...laps,
      ahead: laps.ahead - foldMs.ahead,
      read: laps.read - foldMs.read,
      fold: foldMs.ahead + foldMs.read,
      total: lapMs - startedMs,
    }),
  };
}
