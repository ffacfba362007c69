// The MySQL pool of a process, through knex: for MySQL 9 and MariaDB 10.11 alike.
import knex, { type Knex } from 'knex';

export type MysqlSettings = { url: string; poolSize: number };

/**
 * A pool that keeps times in UTC, text in utf8mb4, and big numbers exact (as text where they do not
 * fit). `affectedRows` counts rows that changed, not rows that were found.
 */
export function createMysql({ url, poolSize }: MysqlSettings): Knex {
  const address = new URL(url);
  return knex({
    client: 'mysql2',
    connection: {
      host: address.hostname,
      port: Number(address.port || 3306),
      user: decodeURIComponent(address.username),
      password: decodeURIComponent(address.password),
      database: address.pathname.slice(1),
      charset: 'utf8mb4_bin',
      timezone: 'Z',
      supportBigNumbers: true,
      connectTimeout: 5_000,
      flags: ['-FOUND_ROWS'],
    },
    pool: { min: 0, max: poolSize },
    acquireConnectionTimeout: 5_000,
  });
}
