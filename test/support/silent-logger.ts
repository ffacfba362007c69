import { createLogger, type Logger } from '../../platform/logger.ts';

/** A logger that says nothing: what a test looks at is what happens, not what is told of it. */
export function silentLogger(): Logger {
  return createLogger('test', 'silent');
}
