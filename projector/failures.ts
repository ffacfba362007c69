// The one table of what a failure means for the records under way.
import { AppError, messageOf } from '../platform/errors.ts';
import { MYSQL_AWAY } from '../platform/mysql-failures.ts';

export type Failure =
  /** It passes by itself: wait and do the same again, for as long as it takes. */
  | { kind: 'transient' }
  /** A record can't be applied. `tries`: how often in all, where a later try may find it otherwise. */
  | { kind: 'poison'; tries: number }
  /** A failure that is not in the table: stop loudly, commit nothing. */
  | { kind: 'unknown' };

const TRANSIENT: Failure = { kind: 'transient' };
const poison = (tries: number): Failure => ({ kind: 'poison', tries });

const MEANING: Readonly<Record<string, Failure>> = {
  // Our own, and the domain's.
  REGISTRY_UNAVAILABLE: TRANSIENT,
  MYSQL_UNAVAILABLE: TRANSIENT,
  KAFKA_UNAVAILABLE: TRANSIENT,
  // A newer version, which is on its way when its events are, takes the partition over.
  VERSION_TOO_OLD: TRANSIENT,
  RECORD_UNREADABLE: poison(1),
  RECORD_REJECTED: poison(1),
  MalformedEvent: poison(1),
  // A registry that was restored, or lags, may know the schema a few seconds later.
  SCHEMA_UNKNOWN: poison(5),

  ...Object.fromEntries([...MYSQL_AWAY].map((code) => [code, TRANSIENT])),
  // A constraint. The second try sees what another transaction inserted meanwhile.
  ER_DUP_ENTRY: poison(2),
  ER_DATA_TOO_LONG: poison(1),
  ER_WARN_DATA_OUT_OF_RANGE: poison(1),
  ER_DATA_OUT_OF_RANGE: poison(1),
  ER_BAD_NULL_ERROR: poison(1),
  ER_TRUNCATED_WRONG_VALUE: poison(1),
  ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: poison(1),
  // Before it was sent (platform/mysql-statements.ts): the server would only end the connection.
  ER_NET_PACKET_TOO_LARGE: poison(1),
};

/** Errors that MariaDB alone has; mysql2 does not name them. */
const MARIADB_CODES: Readonly<Record<number, string>> = {
  1927: 'ER_CONNECTION_KILLED',
  1969: 'ER_STATEMENT_TIMEOUT',
};

/** What `error` means for the records under way. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  return Object.hasOwn(MEANING, code) ? (MEANING[code] as Failure) : { kind: 'unknown' };
}

/** The code of anything that was thrown; its name where it has none. */
export function codeOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  const { code, errno, fatal, name } = (error ?? {}) as Partial<Record<string, unknown>>;
  if (typeof code === 'string') return code;
  if (typeof errno === 'number') return MARIADB_CODES[errno] ?? `MySQL ${errno}`;
  // mysql2's error for a query on a connection that was lost a moment ago has no code.
  if (fatal === true) return 'PROTOCOL_CONNECTION_LOST';
  return typeof name === 'string' ? name : 'unknown';
}

/**
 * Why, in words for an operator. A database error's message holds the whole statement with all its
 * rows: only the server's own words are taken of it.
 */
export function reasonOf(error: unknown): string {
  const { sqlMessage } = (error ?? {}) as { sqlMessage?: unknown };
  return typeof sqlMessage === 'string' ? sqlMessage : messageOf(error);
}
