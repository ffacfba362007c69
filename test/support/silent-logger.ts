import { createLogger, type Logger } from '../../platform/logger.ts';

/** A logger that writes nothing: tests look at what happens, not at the log. */
export function silentLogger(): Logger {
  return createLogger('test', 'silent');
}
