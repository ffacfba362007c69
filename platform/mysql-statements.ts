// How statements go to MySQL. The values of a statement are never a part of its text where the server
// can take them apart from it: then no setting of the server (NO_BACKSLASH_ESCAPES, a character set)
// can make text of a value into text of the statement.
import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import type { Connection } from 'mysql2';

type Statement = { sql: string; bindings?: readonly unknown[]; options?: object };
type Answered = Statement & { response: [rows: unknown, fields: unknown] };

/** The part of knex's client for mysql2 that is changed; knex names it `_query`, and has no type for it. */
type Mysql2Client = new (
  config: Knex.Config,
) => Knex.Client & {
  _query(connection: Connection, statement: Statement | string): Promise<Answered>;
};

const KnexMysql2Client: Mysql2Client = createRequire(import.meta.url)(
  'knex/lib/dialects/mysql2/index.js',
);

/**
 * The statements that one connection keeps prepared. All connections of a server share its
 * max_prepared_stmt_count, 16,382 when nobody set it.
 */
export const MAX_PREPARED_STATEMENTS = 100;

/**
 * Sends statements with values as prepared statements. Those with lists among their values (`IN (?)`,
 * `VALUES ?`: other text for each number of rows) are made into text by mysql2, which escapes values as
 * the session's sql_mode asks (platform/mysql-session.ts sets it, and looks whether it is so).
 */
export class PreparingMysqlClient extends KnexMysql2Client {
  override _query(connection: Connection, statement: Statement | string): Promise<Answered> {
    if (typeof statement === 'string' || !isPreparable(statement)) {
      return super._query(connection, statement);
    }
    const { sql, bindings = [], options } = statement;
    return new Promise((resolve, reject) => {
      const values = bindings as (string | number)[];
      connection.execute({ ...options, sql }, values, (error, rows, fields) => {
        if (error !== null) return reject(error);
        resolve(Object.assign(statement, { response: [rows, fields] as Answered['response'] }));
      });
    });
  }
}

function isPreparable({ sql, bindings = [] }: Statement): boolean {
  return sql !== '' && bindings.length > 0 && bindings.every(isScalar);
}

function isScalar(value: unknown): boolean {
  if (value === null || value instanceof Date || Buffer.isBuffer(value)) return true;
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}
