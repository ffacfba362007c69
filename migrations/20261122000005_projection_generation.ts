// Which set of read tables is live: one row. A rebuild of the read tables locks it while it puts the
// next set in the place of this one; the projector holds it, shared, in each of its transactions.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS projection_generation (
      id TINYINT UNSIGNED NOT NULL,
      generation BIGINT UNSIGNED NOT NULL,
      began_at DATETIME(3) NOT NULL,
      PRIMARY KEY (id)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
  await knex.raw(`
    INSERT INTO projection_generation VALUES (1, 1, UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE id = 1
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE IF EXISTS projection_generation');
}
