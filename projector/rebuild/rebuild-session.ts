// The one connection of a rebuild of the read tables: it holds the lock by which rebuilds exclude each
// other, and makes the swap. Whoever lost the lock has lost the connection, and can't swap any more.
import type { Knex } from 'knex';
import type { Connection } from 'mysql2';

export type RebuildSession = {
  /** Runs a statement on this connection, and on no other. */
  query(statement: string): Promise<void>;
  /** Gives the lock and the connection back. Never throws. */
  end(): Promise<void>;
};

/** The part of knex's client that hands connections out. */
type ConnectionSource = {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
};

// The server's, not the database's: other databases may be rebuilt at the same time.
const LOCK = `CONCAT('firstcome-reads-', LEFT(SHA2(DATABASE(), 256), 16))`;
/** A swap that waits for a long read has every other read wait behind it: no longer than this. */
const RENAME_WAIT_SECONDS = 1;

/** The session, with the lock; null when another rebuild of this database has it. */
export async function openRebuildSession(db: Knex): Promise<RebuildSession | null> {
  const source = db.client as ConnectionSource;
  const connection = await source.acquireConnection();
  const asked = connection.promise();
  try {
    await asked.query(`SET SESSION lock_wait_timeout = ${RENAME_WAIT_SECONDS}`);
    const [rows] = await asked.query(`SELECT GET_LOCK(${LOCK}, 0) AS taken`);
    const [row] = rows as { taken: number | null }[];
    if (row?.taken !== 1) {
      await source.releaseConnection(connection);
      return null;
    }
  } catch (error) {
    await source.releaseConnection(connection);
    throw error;
  }
  return {
    query: async (statement) => {
      await asked.query(statement);
    },
    end: async () => {
      await asked.query(`DO RELEASE_LOCK(${LOCK})`).catch(() => undefined);
      await source.releaseConnection(connection);
    },
  };
}
