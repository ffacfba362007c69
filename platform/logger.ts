// One JSON line an entry, to stdout. Secrets never get here: addresses are logged without user and password.
import { logLevel as kafkaLogLevel, type logCreator } from 'kafkajs';
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

/**
 * kafkajs' own log lines through ours, one level down: it calls ERROR what it then mends itself,
 * and ERROR here means that somebody has to act.
 */
export function kafkaLogCreator(logger: Logger): logCreator {
  return () => (entry) => {
    const { message, timestamp: _timestamp, logger: _name, ...details } = entry.log;
    const line = { kafka: entry.namespace, ...details };
    if (entry.level === kafkaLogLevel.ERROR) logger.warn(line, message);
    else if (entry.level === kafkaLogLevel.WARN) logger.info(line, message);
    else logger.debug(line, message);
  };
}
