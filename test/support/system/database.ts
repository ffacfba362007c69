// A database of its own for a test: made, migrated, dropped.
import type { Knex } from 'knex';
import { migrateToLatest } from '../../../admin/migrations.ts';
import { createMysql } from '../../../platform/mysql.ts';
import { randomName } from '../random-name.ts';
import { addressOf } from './addresses.ts';

export type TestDatabase = {
  /** For processes under test: the database's address, with user and password. */
  url: string;
  db: Knex;
  /** Drops the database and closes the pool. */
  drop(): Promise<void>;
};

/** An empty database with a random name. */
export async function createEmptyDatabase(
  server: 'MYSQL_URL' | 'MARIADB_URL' = 'MYSQL_URL',
): Promise<TestDatabase> {
  const address = new URL(addressOf(server));
  const name = randomName('test_');
  const admin = createMysql({ url: address.href, poolSize: 1 });
  await admin.raw('CREATE DATABASE ?? CHARACTER SET latin1', [name]);
  await admin.destroy();
  address.pathname = `/${name}`;
  const db = createMysql({ url: address.href, poolSize: 5 });
  return {
    url: address.href,
    db,
    drop: async () => {
      await db.raw('DROP DATABASE IF EXISTS ??', [name]);
      await db.destroy();
    },
  };
}

/** A database with a random name and the tables of the newest migration. */
export async function createTestDatabase(
  server: 'MYSQL_URL' | 'MARIADB_URL' = 'MYSQL_URL',
): Promise<TestDatabase> {
  const database = await createEmptyDatabase(server);
  await migrateToLatest(database.db);
  return database;
}
