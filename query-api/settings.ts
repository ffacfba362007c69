// Every setting of the query API, read once at start.
import { readMysqlSettings } from '../platform/connections/mysql-settings.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { readTelemetrySettings } from '../platform/telemetry.ts';

/**
 * The settings in these environment values.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseQueryApiSettings(env: Environment) {
  const read = readSettings(env);
  const settings = Object.freeze({
    logLevel: read.oneOf('LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error']),
    telemetry: readTelemetrySettings(read),
    /** How long it goes on taking requests after it was told to stop: until balancers have noticed. */
    shutdownDelayMs: read.integer('SHUTDOWN_DELAY_MS', 5_000, { min: 0, max: 600_000 }),
    http: { host: read.host('HTTP_HOST'), port: read.port('HTTP_PORT') },
    mysql: {
      ...readMysqlSettings(read),
      poolSize: read.integer('MYSQL_POOL_SIZE', 10, { min: 1, max: 200 }),
      /** How long a read waits for a connection, and then for its answer, before the caller gets 503. */
      timeoutMs: read.integer('MYSQL_TIMEOUT_MS', 2_000, { min: 50, max: 60_000 }),
    },
    /** Reads that may wait for MySQL in this process; one more is refused at once. */
    maxReads: read.integer('MAX_READS', 1_000, { min: 1, max: 100_000 }),
    /** Requests that may wait for a position in this process; one more is refused at once. */
    maxWaiting: read.integer('MAX_WAITING', 5_000, { min: 1, max: 1_000_000 }),
  });
  read.finish();
  return settings;
}

export type QueryApiSettings = ReturnType<typeof parseQueryApiSettings>;
