// Opening in order, closing in reverse, each close with a time limit.
import { AppError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

/** How long after everything was closed the process waits for what still keeps it alive. */
const LEFTOVER_LIMIT_MS = 1_000;

type Resource = { name: string; close: () => Promise<unknown>; limitMs: number };

/** What was opened so far, to be closed in reverse. */
export type Lifecycle = {
  /** Remembers how to close what was just opened. */
  opened(name: string, close: () => Promise<unknown>, limitMs?: number): void;
  /** Closes everything, newest first; goes on after a failure. @returns the names that failed */
  close(): Promise<string[]>;
};

/** An empty lifecycle. */
export function createLifecycle(logger: Logger): Lifecycle {
  const resources: Resource[] = [];
  return {
    opened: (name, close, limitMs = 10_000) => {
      resources.push({ name, close, limitMs });
    },
    close: async () => {
      const failed: string[] = [];
      for (const resource of resources.splice(0).reverse()) {
        try {
          await withLimit(resource);
          logger.info({ part: resource.name }, 'closed');
        } catch (error) {
          failed.push(resource.name);
          logger.error({ part: resource.name, reason: messageOf(error) }, 'could not be closed');
        }
      }
      return failed;
    },
  };
}

/**
 * Runs a service until SIGTERM or SIGINT: opens it, waits, closes it, and sets the exit code
 * (0 after a signal, 1 after a failed start or close). `stop` ends it from inside, with code 1. What
 * nobody caught is logged, and ends it at once with code 1.
 * The process is gone a moment later, whatever was left open.
 */
export async function runUntilSignal(
  logger: Logger,
  open: (lifecycle: Lifecycle, stop: (reason: string) => void) => Promise<void>,
): Promise<void> {
  const lifecycle = createLifecycle(logger);
  const ended = Promise.withResolvers<number>();
  const stop = (reason: string): void => {
    logger.error({ reason }, 'stopping: this process cannot go on');
    ended.resolve(1);
  };
  process.once('SIGTERM', () => ended.resolve(0));
  process.once('SIGINT', () => ended.resolve(0));
  // A bug: what this process holds in memory is not to be trusted, so it ends as if it were killed.
  process.once('uncaughtException', (error, origin) => {
    logger.fatal({ reason: messageOf(error), err: error, origin }, 'crashed');
    process.exit(1);
  });
  try {
    await open(lifecycle, stop);
    logger.info('started');
  } catch (error) {
    logger.fatal({ reason: messageOf(error), err: error }, 'could not start');
    ended.resolve(1);
  }
  const code = await ended.promise;
  logger.info({ code }, 'stopping');
  const failed = await lifecycle.close();
  process.exitCode = failed.length > 0 ? 1 : code;
  // A client whose server hangs may keep its socket; the process must not stay for that.
  setTimeout(() => {
    logger.warn('a connection is still open: leaving it behind');
    process.exit();
  }, LEFTOVER_LIMIT_MS).unref();
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
