// How statements go to MySQL. The values of a statement are never a part of its text where the server
// can take them apart from it: then no setting of the server (NO_BACKSLASH_ESCAPES, a character set)
// can make text of a value into text of the statement.
import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import type { Connection } from 'mysql2';
import { packetLimitOf } from './mysql-session.ts';

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
 * max_prepared_stmt_count, 16,382 when nobody set it: enough for 800 connections.
 */
export const MAX_PREPARED_STATEMENTS = 20;

/** Of a packet, beside the values: its head, and a type and a length for each of them. */
const PACKET_BYTES = 64;
const VALUE_BYTES = 12;

/** A statement that is larger than the server takes. Named as the server's own error. */
class PacketTooLarge extends Error {
  readonly code = 'ER_NET_PACKET_TOO_LARGE';
  /** As the server's own words: knex puts the whole statement in front of the message. */
  readonly sqlMessage: string;

  constructor(bytes: number, limit: number) {
    const reason = `a statement of ${bytes} bytes is more than max_allowed_packet, ${limit} bytes`;
    super(reason);
    this.sqlMessage = reason;
  }
}

/**
 * Sends statements with values as prepared statements. Those with lists among their values (`IN (?)`,
 * `VALUES ?`: other text for each number of rows) are made into text by mysql2, which escapes values as
 * the session's sql_mode asks (platform/mysql-session.ts sets it, and looks whether it is so).
 * A statement larger than the server takes fails before it is sent, with ER_NET_PACKET_TOO_LARGE: the
 * server would end the connection, which looks like any other loss of it.
 */
export class PreparingMysqlClient extends KnexMysql2Client {
  override async _query(connection: Connection, given: Statement | string): Promise<Answered> {
    const statement = typeof given === 'string' ? { sql: given } : given;
    const { sql, bindings = [], options } = statement;
    const isPrepared = sql !== '' && bindings.length > 0 && bindings.every(isScalar);
    if (isPrepared) {
      demandRoom(
        connection,
        bindings.reduce<number>((sum, value) => sum + bytesOf(value), 0),
      );
      return Object.assign(statement, { response: await execute(connection, statement) });
    }
    if (bindings.length === 0) return super._query(connection, statement);
    const text = connection.format(sql, [...bindings]);
    demandRoom(connection, Buffer.byteLength(text));
    const { response } = await super._query(connection, { ...options, sql: text });
    return Object.assign(statement, { response });
  }
}

function execute(
  connection: Connection,
  { sql, bindings = [], options }: Statement,
): Promise<Answered['response']> {
  return new Promise((resolve, reject) => {
    const values = bindings as (string | number)[];
    connection.execute({ ...options, sql }, values, (error, rows, fields) => {
      if (error === null) resolve([rows, fields]);
      else reject(error);
    });
  });
}

function isScalar(value: unknown): boolean {
  if (value === null || value instanceof Date || Buffer.isBuffer(value)) return true;
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}

function demandRoom(connection: Connection, bytes: number): void {
  const limit = packetLimitOf(connection);
  if (bytes + PACKET_BYTES > limit) throw new PacketTooLarge(bytes, limit);
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + VALUE_BYTES;
  return (Buffer.isBuffer(value) ? value.length : 0) + VALUE_BYTES;
}
