// One JSON line an entry, to stdout. Secrets never get here: addresses are logged without user and password.
import { pino } from 'pino';

export type Logger = import('pino').Logger;

/** A logger whose every line says which process it comes from. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    base: { service },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
