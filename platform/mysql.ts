// The MySQL pool of a process, through knex: for MySQL 9 and MariaDB 10.11 alike.
import knex, { type Knex } from 'knex';
import type { Connection } from 'mysql2';
import type { Logger } from './logger.ts';

export type MysqlSettings = {
  url: string;
  poolSize: number;
  /** How long connecting, and waiting for a free connection, may take; 5 s when not said. */
  timeoutMs?: number;
  /** Statements that every new connection starts with. */
  sessionStatements?: readonly string[];
};

/**
 * A pool that keeps times in UTC, text in utf8mb4, and big numbers exact (as text where they do not
 * fit). `affectedRows` counts rows that changed, not rows that were found. What knex has to
 * say goes to `logger`, and nowhere when there is none.
 */
export function createMysql(
  { url, poolSize, timeoutMs = 5_000, sessionStatements = [] }: MysqlSettings,
  logger?: Logger,
): Knex {
  const address = new URL(url);
  return knex({
    client: 'mysql2',
    connection: {
      host: address.hostname,
      port: Number(address.port || 3306),
      user: decodeURIComponent(address.username),
      password: decodeURIComponent(address.password),
      database: address.pathname.slice(1),
      charset: 'utf8mb4',
      timezone: 'Z',
      supportBigNumbers: true,
      connectTimeout: timeoutMs,
      flags: ['-FOUND_ROWS'],
    },
    pool: {
      min: 0,
      max: poolSize,
      afterCreate: (connection: Connection, done: (error: unknown) => void) => {
        runAll(connection.promise(), sessionStatements).then(() => done(null), done);
      },
    },
    acquireConnectionTimeout: timeoutMs,
    log: {
      error: (message) => logger?.warn({ mysql: String(message) }, 'the MySQL pool met an error'),
      warn: (message) => logger?.info({ mysql: String(message) }, 'the MySQL pool mended itself'),
      deprecate: (message) => logger?.debug({ mysql: String(message) }, 'deprecated use of knex'),
      debug: (message) => logger?.debug({ mysql: String(message) }, 'knex'),
    },
  });
}

async function runAll(
  connection: ReturnType<Connection['promise']>,
  statements: readonly string[],
): Promise<void> {
  for (const statement of statements) await connection.query(statement);
}
