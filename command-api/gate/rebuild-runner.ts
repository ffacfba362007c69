// Rebuilds of Redis in the background of this process: one at a time, and less often the more fail.
import { type Backoff, backoffMs } from '../../platform/backoff.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { RebuildOptions, RebuildResult } from '../../redis-rebuild/rebuild.ts';

/** One attempt; what stays the same for all attempts is bound already. */
export type Rebuild = (
  attempt: Required<Pick<RebuildOptions, 'isNeeded' | 'report' | 'signal'>>,
) => Promise<RebuildResult>;

export type Rebuilder = {
  /** Starts a rebuild, unless one is on its way here or the last one failed too shortly ago. */
  start(reason: string, isNeeded: () => Promise<boolean>): void;
  /** How far the rebuild of this process is; null when there is none. */
  progress(): string | null;
  /** What of the log the last attempt could not read, and what to do about it; null when it was not for that. */
  unreadable(): string | null;
  /** Somebody has rebuilt Redis: what this process could not read is of no interest any more. */
  forgetUnreadable(): void;
  /** Ends a rebuild that is on its way; its lock is released. */
  close(): Promise<void>;
};

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 5_000 };

/** A rebuilder; `onRebuilt` is called when Redis is rebuilt and its gate open. */
export function createRebuilder(options: {
  rebuild: Rebuild;
  onRebuilt: () => void;
  logger: Logger;
}): Rebuilder {
  const { logger } = options;
  const closing = new AbortController();
  let running: Promise<void> | null = null;
  let progress: string | null = null;
  let unreadable: string | null = null;
  let failures = 0;
  let notBeforeMs = 0;

  const fail = (error: { code?: string; message: string }): void => {
    notBeforeMs = performance.now() + backoffMs(RETRY, failures);
    failures += 1;
    const reason = error.message;
    const isUnreadable = error.code === 'RECORD_UNREADABLE' || error.code === 'TOPIC_MISMATCH';
    // It stays the same until somebody does something: one line for each reason.
    if (isUnreadable && unreadable === reason) return;
    unreadable = isUnreadable ? reason : null;
    logger.error({ reason, failures }, 'Redis could not be rebuilt; another attempt follows');
  };

  const attempt = async (isNeeded: () => Promise<boolean>): Promise<void> => {
    const report = (line: string): void => {
      progress = line;
      // Each attempt at a log that can't be read says the same.
      const level = unreadable === null ? 'info' : 'debug';
      logger[level]({ progress: line }, 'rebuilding Redis');
    };
    const result = await options.rebuild({ isNeeded, report, signal: closing.signal });
    switch (result.kind) {
      case 'rebuilt':
        failures = 0;
        unreadable = null;
        logResult(logger, result);
        options.onRebuilt();
        return;
      case 'lost':
        fail({ message: result.reason });
        return;
      case 'held-by-another':
      case 'not-needed':
        logger.debug(result, 'this process does not rebuild Redis');
        return;
    }
  };

  return {
    start: (reason, isNeeded) => {
      if (running !== null || closing.signal.aborted || performance.now() < notBeforeMs) return;
      logger.debug({ reason }, 'Redis has to be rebuilt');
      running = attempt(isNeeded)
        .catch((error: unknown) => {
          if (closing.signal.aborted) return;
          fail(error instanceof AppError ? error : { message: messageOf(error) });
        })
        .finally(() => {
          running = null;
          progress = null;
        });
    },
    progress: () => progress,
    unreadable: () => unreadable,
    forgetUnreadable: () => {
      unreadable = null;
    },
    close: async () => {
      closing.abort(new Error('this process stops'));
      await running;
    },
  };
}

function logResult(logger: Logger, rebuilt: RebuildResult & { kind: 'rebuilt' }): void {
  const { kind: _kind, parts, uncreated, ...counts } = rebuilt;
  const ms = Object.fromEntries(Object.entries(parts).map(([part, t]) => [part, Math.round(t)]));
  logger.info({ ...counts, ms }, 'Redis rebuilt');
  if (rebuilt.discarded > 0) {
    logger.warn({ records: rebuilt.discarded }, 'discarded records were passed over');
  }
  if (uncreated.length > 0) {
    logger.error({ uncreated }, 'assignments of coupons that the log does not know');
  }
}
