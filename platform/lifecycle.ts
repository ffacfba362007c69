// Opening in order, closing in reverse, in bounded time.
import { pause } from './backoff.ts';
import { AppError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

/**
 * All that is closed is closed within this time, whatever is away. With SHUTDOWN_DELAY_MS as it is when not
 * set, a stop takes less than the 30 s that Kubernetes gives.
 */
const CLOSE_LIMIT_MS = 20_000;
const PART_LIMIT_MS = 10_000;
/** When that time is over: so long for all that is left, at once. */
const LATE_LIMIT_MS = 1_000;
/** Timers may be that much early. */
const TIMER_SLACK_MS = 5;
/** How long after everything was closed the process waits for what still keeps it alive. */
const LEFTOVER_LIMIT_MS = 1_000;

export type CloseOptions = {
  /** 10 s when not said. */
  limitMs?: number;
  /** Somebody waits for an answer of it: not closed in time, the process ends with 1. */
  holdsAnswers?: boolean;
};
/** For what answers requests: it may have all of the time, and what comes behind the moment that follows. */
export const ANSWERS_FIRST: CloseOptions = { limitMs: CLOSE_LIMIT_MS, holdsAnswers: true };

type Resource = { name: string; close: () => Promise<unknown>; limitMs: number } & CloseOptions;

/** How closing went. */
type Closed = {
  /** The names of the parts that did not close. */
  failed: string[];
  /** One of them held answers: a request that was accepted may have got none. */
  answersLost: boolean;
};

/** What was opened so far, to be closed in reverse. */
export type Lifecycle = {
  /** Remembers how to close what was just opened. */
  opened(name: string, close: () => Promise<unknown>, options?: CloseOptions): void;
  /** From `announceStop` on: this process takes what comes, and wants no more. */
  isStopping(): boolean;
  announceStop(): void;
  /** Closes everything, newest first, in 20 s and a moment at most; goes on after a failure. */
  close(limitMs?: number): Promise<Closed>;
};

/** An empty lifecycle. */
export function createLifecycle(logger: Logger): Lifecycle {
  const resources: Resource[] = [];
  let stopping = false;
  let closing = false;
  const closeOne = async (resource: Resource, limitMs: number): Promise<Resource[]> => {
    try {
      await withLimit({ ...resource, limitMs });
      logger.info({ part: resource.name }, 'closed');
      return [];
    } catch (error) {
      const { name, holdsAnswers = false } = resource;
      const fields = { part: name, reason: messageOf(error) };
      if (holdsAnswers) logger.error(fields, 'could not be closed: requests may be unanswered');
      else logger.warn(fields, 'could not be closed: nothing is lost');
      return [resource];
    }
  };
  return {
    opened: (name, close, { limitMs = PART_LIMIT_MS, holdsAnswers = false } = {}) => {
      const resource = { name, close, limitMs, holdsAnswers };
      // A stop during the start: nobody will ask for it to be closed.
      if (closing) void closeOne(resource, limitMs);
      else resources.push(resource);
    },
    isStopping: () => stopping,
    announceStop: () => {
      stopping = true;
    },
    close: async (limitMs = CLOSE_LIMIT_MS) => {
      stopping = true;
      closing = true;
      const deadlineMs = performance.now() + limitMs;
      const left = resources.splice(0);
      const failed: Resource[] = [];
      for (let next = left.at(-1); next !== undefined; next = left.at(-1)) {
        const leftMs = deadlineMs - performance.now();
        if (leftMs < TIMER_SLACK_MS) break;
        left.pop();
        failed.push(...(await closeOne(next, Math.min(next.limitMs, leftMs))));
      }
      const late = await Promise.all(left.reverse().map((one) => closeOne(one, LATE_LIMIT_MS)));
      failed.push(...late.flat());
      return {
        failed: failed.map(({ name }) => name),
        answersLost: failed.some(({ holdsAnswers }) => holdsAnswers === true),
      };
    },
  };
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a service until SIGTERM or SIGINT: opens it, waits, closes it, and sets the exit code: 0 after a
 * signal, 1 after a failed start or when a request that was accepted may be unanswered. After a signal it is
 * not ready at once, and closes `delayMs` later, or at a second signal: so long it goes on working for those who
 * do not know yet. A further signal ends it at once. `stop` ends it from inside, with code 1. What nobody caught
 * is logged, and ends it at once with code 1.
 * The process is gone a moment after it was closed, whatever was left open.
 */
export async function runUntilSignal(
  logger: Logger,
  delayMs: number,
  open: (lifecycle: Lifecycle, stop: (reason: string) => void) => Promise<void>,
): Promise<void> {
  const lifecycle = createLifecycle(logger);
  const ended = Promise.withResolvers<'signal' | 'failed'>();
  const stop = (reason: string): void => {
    logger.error({ reason }, 'stopping: this process cannot go on');
    ended.resolve('failed');
  };
  for (const signal of STOP_SIGNALS) process.once(signal, () => ended.resolve('signal'));
  // A bug: what this process holds in memory is not to be trusted, so it ends as if it were killed.
  process.once('uncaughtException', (error, origin) => {
    logger.fatal({ reason: messageOf(error), err: error, origin }, 'crashed');
    process.exit(1);
  });
  let started = false;
  // Not awaited: what can't be opened may take as long as it wants, a stop may not.
  void open(lifecycle, stop).then(
    () => {
      started = true;
      logger.info('started');
    },
    (error: unknown) => {
      if (!lifecycle.isStopping()) {
        logger.fatal({ reason: messageOf(error), err: error }, 'could not start');
      }
      ended.resolve('failed');
    },
  );
  const end = await ended.promise;
  if (end === 'signal' && started && delayMs > 0) {
    lifecycle.announceStop();
    logger.info({ delayMs }, 'not ready any more: closing after the delay, or at a second signal');
    await pauseUntilSignal(delayMs);
  }
  logger.info('stopping');
  const { failed, answersLost } = await lifecycle.close();
  if (failed.length > 0) logger.warn({ failed }, 'stopped, but not all of it was closed');
  process.exitCode = end === 'failed' || answersLost ? 1 : 0;
  // A client whose server hangs may keep its socket; the process must not stay for that.
  setTimeout(() => {
    logger.warn('a connection is still open: leaving it behind');
    process.exit();
  }, LEFTOVER_LIMIT_MS).unref();
}

async function pauseUntilSignal(ms: number): Promise<void> {
  const hurry = new AbortController();
  const skip = (): void => hurry.abort();
  for (const signal of STOP_SIGNALS) process.on(signal, skip);
  await pause(ms, hurry.signal);
  for (const signal of STOP_SIGNALS) process.off(signal, skip);
}

async function withLimit({ name, close, limitMs }: Resource): Promise<void> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new AppError('CLOSE_TIMEOUT', `${name} did not close within ${limitMs} ms`)),
    limitMs,
  );
  try {
    await Promise.race([close(), limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
