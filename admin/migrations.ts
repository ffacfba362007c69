// The tables of the read model: to the newest form, and away again.
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';
import { AppError } from '../platform/errors.ts';

const MIGRATIONS: Knex.MigratorConfig = {
  directory: fileURLToPath(new URL('../migrations/', import.meta.url)),
  loadExtensions: ['.ts'],
  // MySQL commits at each statement that changes a table, whatever transaction it is in.
  disableTransactions: true,
};

/** How long another migration may take before this one gives up. */
const WAIT_SECONDS = 600;
// The server's, not the database's: other databases may be migrated at the same time.
const LOCK = `CONCAT('firstcome-tables-', LEFT(SHA2(DATABASE(), 256), 16))`;

/**
 * Brings the database to the newest migration; one that is there already changes nothing. Of several at
 * once, one does it while the others wait. What one that died has left half done is finished: every
 * migration may run again over its own beginning.
 * @returns the file names of the migrations that ran now
 * @throws AppError MYSQL_UNAVAILABLE (retriable) when another one takes too long; what MySQL refuses
 */
export async function migrateToLatest(db: Knex): Promise<string[]> {
  return underLock(db, async (session) => {
    const [, files] = (await session.migrate.latest(MIGRATIONS)) as [number, string[]];
    return files;
  });
}

/**
 * Undoes every migration: all tables of the read model, with what is in them.
 * @returns the file names of the migrations that were undone
 * @throws as `migrateToLatest`
 */
export async function rollbackAll(db: Knex): Promise<string[]> {
  return underLock(db, async (session) => {
    const [, files] = (await session.migrate.rollback(MIGRATIONS, true)) as [number, string[]];
    return files;
  });
}

/**
 * Works on one connection, which holds the lock: the lock ends with the session, so not before the
 * statement that the server may still be at when its client has died.
 */
async function underLock<T>(db: Knex, work: (session: Knex) => Promise<T>): Promise<T> {
  return db.transaction(async (session) => {
    const [[row]] = await session.raw(`SELECT GET_LOCK(${LOCK}, ${WAIT_SECONDS}) AS taken`);
    if (row.taken !== 1) {
      const reason = `another migration has been under way for ${WAIT_SECONDS} s`;
      throw new AppError('MYSQL_UNAVAILABLE', reason, { retriable: true });
    }
    try {
      // knex's own lock is a row, and stays when its holder dies; under ours it has no holder.
      await session.migrate.forceFreeMigrationsLock(MIGRATIONS);
      return await work(session);
    } finally {
      // Of a lost connection the lock is gone, too.
      await session.raw(`DO RELEASE_LOCK(${LOCK})`).catch(() => undefined);
    }
  });
}
