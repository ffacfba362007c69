// What became of a parked dead letter, and what operators did with it.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // One statement: all of it is there, or nothing.
  if (await knex.schema.hasColumn('dead_letters', 'status')) return;
  // The values of status are in contracts/dead-letter.ts.
  await knex.raw(`
    ALTER TABLE dead_letters
      ADD COLUMN status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'parked',
      ADD COLUMN redrives INT UNSIGNED NOT NULL DEFAULT 0,
      ADD COLUMN redriven_at DATETIME(3) NULL,
      ADD COLUMN discarded_at DATETIME(3) NULL,
      ADD COLUMN discarded_by VARCHAR(100) NULL,
      ADD COLUMN discarded_because VARCHAR(1000) NULL,
      ADD KEY dead_letters_by_status (status, id)
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE dead_letters
      DROP KEY dead_letters_by_status,
      DROP COLUMN status,
      DROP COLUMN redrives,
      DROP COLUMN redriven_at,
      DROP COLUMN discarded_at,
      DROP COLUMN discarded_by,
      DROP COLUMN discarded_because
  `);
}
