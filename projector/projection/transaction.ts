// One MySQL transaction with a time limit that holds on a wire that is dead, too.
import type { Knex } from 'knex';
import type { Connection } from 'mysql2';
import { AppError } from '../../platform/errors.ts';

/**
 * How a connection of the projector begins. Read committed: a transaction sees what others
 * committed before each of its statements, and plain inserts take no gap locks. The server ends a
 * session that fell silent, so that a projector that was cut off does not hold its checkpoint's lock
 * for hours.
 */
export const SESSION_STATEMENTS = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION wait_timeout = 60, innodb_lock_wait_timeout = 5',
] as const;

/** The part of knex's client that hands connections out. */
type ConnectionSource = {
  acquireConnection(): Promise<Connection & { stream: { destroy(error: Error): void } }>;
  releaseConnection(connection: Connection): Promise<void>;
};

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it throws.
 * @throws whatever `work` or MySQL threw; AppError MYSQL_UNAVAILABLE (retriable) after `limitMs`,
 * when it is not known whether the commit happened
 */
export async function inTransaction<T>(
  db: Knex,
  limitMs: number,
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  const source = db.client as ConnectionSource;
  const connection = await source.acquireConnection();
  // Neither knex nor mysql2 ends a transaction whose server stopped answering. An error on the
  // socket does: every query of the connection fails with it, and the pool throws it away.
  const timer = setTimeout(() => {
    const reason = `a transaction took more than ${limitMs} ms`;
    connection.stream.destroy(new AppError('MYSQL_UNAVAILABLE', reason, { retriable: true }));
  }, limitMs);
  try {
    return await db.transaction(work, { connection });
  } finally {
    clearTimeout(timer);
    await source.releaseConnection(connection);
  }
}
