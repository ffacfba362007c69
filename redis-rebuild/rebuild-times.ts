// How long each part of a rebuild took.

/** Milliseconds by part; `read` is without the time that `fold` took. */
export type RebuildTimes = Record<
  'wait' | 'claim' | 'close' | 'mark' | 'load' | 'read' | 'fold' | 'write' | 'gate' | 'total',
  number
>;

/** The parts that end one after the other. */
type MeasuredPart = Exclude<keyof RebuildTimes, 'fold' | 'total'>;

export type RebuildWatch = {
  /** Ends this part; the next one begins. */
  lap(part: MeasuredPart): void;
  /** The times of all parts. @param foldMs how much of `read` went into folding */
  times(foldMs: number): RebuildTimes;
};

/** A watch that runs from now on. */
export function startRebuildWatch(): RebuildWatch {
  const laps: Record<MeasuredPart, number> = {
    wait: 0,
    claim: 0,
    close: 0,
    mark: 0,
    load: 0,
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
      read: laps.read - foldMs,
      fold: foldMs,
      total: lapMs - startedMs,
    }),
  };
}
