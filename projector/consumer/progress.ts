// How far the projection is, in one log line every few seconds.
import type { Logger } from '../../platform/logger.ts';
import type { ProjectorMetrics } from '../metrics.ts';
import {
  addCounts,
  type DispositionCounts,
  ZERO_COUNTS,
} from '../projection/disposition-counts.ts';

export type Progress = {
  /**
   * A partition advanced: the dispositions of its records, the next offset to be applied and the end
   * of its log.
   */
  advanced(
    topicPartition: string,
    counts: DispositionCounts,
    nextOffset: bigint,
    logEnd: bigint,
  ): void;
  /** Logs what was not logged yet, and nothing more. */
  close(): void;
};

const INTERVAL_MS = 10_000;

/** Progress that goes to `metrics` at once, and to `logger` every few seconds, when there was any. */
export function createProgress(logger: Logger, metrics: ProjectorMetrics): Progress {
  let counted = ZERO_COUNTS;
  const partitions = new Map<string, { next: string; lag: string }>();
  const log = (): void => {
    if (partitions.size === 0) return;
    logger.info({ ...counted, partitions: Object.fromEntries(partitions) }, 'progress');
    counted = ZERO_COUNTS;
    partitions.clear();
  };
  const timer = setInterval(log, INTERVAL_MS);
  return {
    advanced: (topicPartition, counts, nextOffset, logEnd) => {
      counted = addCounts(counted, counts);
      const lag = logEnd > nextOffset ? logEnd - nextOffset : 0n;
      metrics.advanced(topicPartition, counts, Number(lag));
      partitions.set(topicPartition, { next: String(nextOffset), lag: String(lag) });
    },
    close: () => {
      clearInterval(timer);
      log();
    },
  };
}
