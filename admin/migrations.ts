// The tables of the read model: to the newest form, and away again.
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';

const MIGRATIONS: Knex.MigratorConfig = {
  directory: fileURLToPath(new URL('../migrations/', import.meta.url)),
  loadExtensions: ['.ts'],
};

/**
 * Brings the database to the newest migration; one that is there already changes nothing.
 * @returns the file names of the migrations that ran now
 */
export async function migrateToLatest(db: Knex): Promise<string[]> {
  const [, files] = (await db.migrate.latest(MIGRATIONS)) as [number, string[]];
  return files;
}

/**
 * Undoes every migration: all tables of the read model, with what is in them.
 * @returns the file names of the migrations that were undone
 */
export async function rollbackAll(db: Knex): Promise<string[]> {
  const [, files] = (await db.migrate.rollback(MIGRATIONS, true)) as [number, string[]];
  return files;
}
