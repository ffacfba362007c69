// How every connection to MySQL begins: whatever the server's defaults are, a session has these settings,
// and is looked at before anything is sent over it.
import type { Connection } from 'mysql2';
import { AppError } from './errors.ts';

/**
 * Strict: a value that does not fit is an error, never cut off. Without NO_BACKSLASH_ESCAPES and
 * ANSI_QUOTES, with which text that mysql2 has escaped would be read otherwise.
 */
const SQL_MODE = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';

/**
 * Each as a server may have it otherwise: without autocommit every read of a connection sees what the
 * first one saw; a limit of rows or of time answers with a part, or with an error. `/*!` is read by MySQL
 * alone, `/*M!` by MariaDB alone.
 */
const BEGIN_SESSION = `SET NAMES utf8mb4, sql_mode = '${SQL_MODE}', autocommit = 1,
  time_zone = '+00:00', sql_safe_updates = 0, sql_select_limit = 18446744073709551615
  /*!80000 , max_execution_time = 0 */ /*M!100100 , max_statement_time = 0 */`;

const LOOK_AT_SESSION = `SELECT @@SESSION.sql_mode AS sql_mode, @@SESSION.autocommit AS autocommit,
  @@SESSION.time_zone AS time_zone, @@SESSION.character_set_client AS character_set_client,
  @@SESSION.character_set_connection AS character_set_connection,
  @@SESSION.max_allowed_packet AS max_allowed_packet`;

const EXPECTED: Readonly<Record<string, unknown>> = {
  sql_mode: SQL_MODE,
  autocommit: 1,
  time_zone: '+00:00',
  character_set_client: 'utf8mb4',
  character_set_connection: 'utf8mb4',
};

const packetLimits = new WeakMap<object, number>();

/** The bytes that a packet to the server may have on this connection; no limit before it has begun. */
export function packetLimitOf(connection: object): number {
  return packetLimits.get(connection) ?? Number.POSITIVE_INFINITY;
}

/**
 * A statement of a session (`sessionStatements`) after which the server itself ends each read that takes
 * longer: a read that its caller gave up must not go on working.
 */
export function limitReadsTo(ms: number): string {
  return `SET autocommit = 1 /*!80000 , max_execution_time = ${ms} */ /*M!100100 , max_statement_time = ${ms / 1_000} */`;
}

/**
 * Sets a new connection up: as above, then by `statements`. Looks at it last.
 * @throws AppError MYSQL_UNAVAILABLE (retriable) when the session is not as it was set, as behind a proxy
 * that leaves SET out; what MySQL refuses a statement with
 */
export async function beginSession(
  connection: Connection,
  statements: readonly string[],
): Promise<void> {
  const session = connection.promise();
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await session.query(BEGIN_SESSION);
  for (const statement of statements) await session.query(statement);
  const [rows] = await session.query(LOOK_AT_SESSION);
  const [found = {}] = rows as Record<string, unknown>[];
  packetLimits.set(connection, Number(found.max_allowed_packet));
  for (const [name, value] of Object.entries(EXPECTED)) {
    if (found[name] === value) continue;
    const reason = `MySQL does not keep ${name} of a session: it is "${found[name]}" and has to be "${value}"`;
    throw new AppError('MYSQL_UNAVAILABLE', reason, { retriable: true });
  }
}
