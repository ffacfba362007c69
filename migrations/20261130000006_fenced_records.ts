// The word for an event behind a marker of a newer epoch is "fenced"; until here it was "void".
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw("UPDATE dead_letters SET status = 'fenced' WHERE status = 'void'");
  if (await knex.schema.hasColumn('projection_checkpoints', 'fenced')) return;
  await knex.raw('ALTER TABLE projection_checkpoints CHANGE voided fenced BIGINT NOT NULL');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("UPDATE dead_letters SET status = 'void' WHERE status = 'fenced'");
  await knex.raw('ALTER TABLE projection_checkpoints CHANGE fenced voided BIGINT NOT NULL');
}
