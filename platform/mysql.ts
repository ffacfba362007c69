// The MySQL pool of a process, through knex: for MySQL 9 and MariaDB 10.11 alike.
import knex, { type Knex } from 'knex';
import type { Connection } from 'mysql2';
import { addressParts } from './address.ts';
import type { MysqlConnection } from './connections/mysql-settings.ts';
import { tlsOptionsOf } from './connections/tls.ts';
import type { CloseOptions } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { beginSession } from './mysql-session.ts';
import { MAX_PREPARED_STATEMENTS, PreparingMysqlClient } from './mysql-statements.ts';

/** How a pool is closed: a MySQL that does not answer is not waited for. */
export const MYSQL_CLOSE: CloseOptions = { limitMs: 2_000 };

export type MysqlSettings = MysqlConnection & {
  poolSize: number;
  /** How long connecting, and waiting for a free connection, may take; 5 s when not said. */
  timeoutMs?: number;
  /** Statements that every new connection starts with, after what all of them start with. */
  sessionStatements?: readonly string[];
};

/**
 * A pool that keeps times in UTC, text in utf8mb4, and big numbers exact (as text where they do not
 * fit). `affectedRows` counts rows that changed, not rows that were found. What knex has to
 * say goes to `logger`, and nowhere when there is none.
 */
export function createMysql(
  { poolSize, timeoutMs = 5_000, sessionStatements = [], ...server }: MysqlSettings,
  logger?: Logger,
): Knex {
  return knex({
    client: PreparingMysqlClient as unknown as typeof Knex.Client,
    connection: {
      ...connectionTo(server),
      charset: 'utf8mb4',
      timezone: 'Z',
      supportBigNumbers: true,
      connectTimeout: timeoutMs,
      flags: ['-FOUND_ROWS'],
      maxPreparedStatements: MAX_PREPARED_STATEMENTS,
    },
    pool: {
      min: 0,
      max: poolSize,
      afterCreate: (connection: Connection, done: (error: unknown) => void) => {
        beginSession(connection, sessionStatements).then(() => done(null), done);
      },
    },
    acquireConnectionTimeout: timeoutMs,
    log: poolLog(logger),
  });
}

function connectionTo({ url, login, tls }: MysqlConnection) {
  const { host, port, path, ...inUrl } = addressParts(url, ['mysql://']);
  const { user, password } = login ?? inUrl;
  const server = { host, port: port ?? 3_306, user, password, database: path };
  if (tls === undefined) return server;
  // Without these two a certificate of anybody, for any name, would do.
  const verified = { rejectUnauthorized: true, verifyIdentity: true };
  return { ...server, ssl: { ...tlsOptionsOf(tls), ...verified } };
}

// Lost and refused connections fail the statement that needed one, and are told of there.
function poolLog(logger: Logger | undefined): Knex.Logger {
  const debug = (message: unknown): void =>
    logger?.debug({ reason: String(message).split('\n', 1)[0] }, 'MySQL pool');
  return { error: debug, warn: debug, deprecate: debug, debug };
}
