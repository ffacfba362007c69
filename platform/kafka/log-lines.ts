// What kafkajs logs, as lines of ours.
import { logLevel as kafkaLogLevel, type logCreator } from 'kafkajs';
import type { Logger } from '../logger.ts';

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
