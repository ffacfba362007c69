// One JSON line an entry, to stdout. Secrets never get here: addresses are logged without user and password,
// and errors without what libraries hang on them.
import { pino, stdSerializers } from 'pino';

export type Logger = import('pino').Logger;

/** A logger whose every line says which process it comes from. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    base: { service },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeLoggedError },
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** What is logged of an error, its causes included: ioredis keeps the arguments of AUTH in one, for example. */
export function describeLoggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  const { code } = error as { code?: unknown };
  return { type, message, stack, ...(typeof code === 'string' ? { code } : {}) };
}
