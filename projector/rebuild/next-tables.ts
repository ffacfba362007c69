// A second set of read tables beside the live one, and its way into the place of that one.
import type { Knex } from 'knex';
import { randomWord } from '../../platform/random-word.ts';
import { LIVE_TABLES, type ReadTables } from '../projection/tables.ts';

/** The names of tables that exist only while a rebuild is under way. */
const ORPHAN_TABLE =
  /^(coupons|coupon_counters|assignments|projection_checkpoints)_(next|old)_[0-9a-z]{8}$/;

/**
 * Makes an empty set of tables, in the form of the live ones, under new names: a
 * rebuild that was given up can't write into the tables of the next one.
 */
export async function createNextTables(db: Knex): Promise<ReadTables> {
  const next = tablesNamed(`next_${randomWord(8)}`);
  for (const [name, live] of pairs(LIVE_TABLES)) {
    await db.raw('CREATE TABLE ?? LIKE ??', [next[name], live]);
  }
  return next;
}

/** Drops a set of tables, those of it that are there. */
export async function dropTables(db: Knex, tables: ReadTables): Promise<void> {
  for (const [, table] of pairs(tables)) await db.raw('DROP TABLE IF EXISTS ??', [table]);
}

/**
 * Drops the tables of rebuilds that were killed.
 * @returns how many tables there were
 */
export async function dropOrphanTables(db: Knex): Promise<number> {
  const [rows] = await db.raw(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()`,
  );
  const names = rows
    .map(({ name }: { name: string }) => name)
    .filter((name: string) => ORPHAN_TABLE.test(name));
  for (const name of names) await db.raw('DROP TABLE IF EXISTS ??', [name]);
  return names.length;
}

/**
 * The statement that puts `next` in the place of the live tables, all at once for everybody.
 * @returns it, and the names that the tables have afterwards that are live now
 */
export function renameStatement(
  db: Knex,
  next: ReadTables,
): { statement: string; old: ReadTables } {
  const old = tablesNamed(`old_${randomWord(8)}`);
  const steps = pairs(LIVE_TABLES).flatMap(([name, live]) => [
    [live, old[name]],
    [next[name], live],
  ]);
  const list = steps.map(() => '?? TO ??').join(', ');
  return { statement: db.raw(`RENAME TABLE ${list}`, steps.flat()).toQuery(), old };
}

function tablesNamed(suffix: string): ReadTables {
  const named = pairs(LIVE_TABLES).map(([name, live]) => [name, `${live}_${suffix}`]);
  return Object.fromEntries(named) as ReadTables;
}

function pairs(tables: ReadTables): [keyof ReadTables, string][] {
  return Object.entries(tables) as [keyof ReadTables, string][];
}
