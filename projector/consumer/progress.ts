// How far the projection is, in one log line every few seconds.
import type { Logger } from '../../platform/logger.ts';
import type { ProjectorMetrics } from '../metrics.ts';
import { addCounts, type Counts, NOTHING } from '../projection/store.ts';

export type Progress = {
  /** A partition got on: what became of its records, and where it and its log end now. */
  advanced(lane: string, counts: Counts, nextOffset: bigint, logEnd: bigint): void;
  /** Says what is left to say, and nothing more. */
  close(): void;
};

const INTERVAL_MS = 10_000;

/** Progress that goes to `metrics` at once, and to `logger` now and then, when there was any. */
export function createProgress(logger: Logger, metrics: ProjectorMetrics): Progress {
  let since = NOTHING;
  const lanes = new Map<string, { next: string; lag: string }>();
  const say = (): void => {
    if (lanes.size === 0) return;
    logger.info({ ...since, partitions: Object.fromEntries(lanes) }, 'progress');
    since = NOTHING;
    lanes.clear();
  };
  const timer = setInterval(say, INTERVAL_MS);
  return {
    advanced: (lane, counts, nextOffset, logEnd) => {
      since = addCounts(since, counts);
      const lag = logEnd > nextOffset ? logEnd - nextOffset : 0n;
      metrics.advanced(lane, counts, Number(lag));
      lanes.set(lane, { next: String(nextOffset), lag: String(lag) });
    },
    close: () => {
      clearInterval(timer);
      say();
    },
  };
}
