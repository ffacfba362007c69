// Coupons, and how many units of each were given.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS coupons (
      id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      title VARCHAR(100) NOT NULL,
      quantity INT UNSIGNED NOT NULL,
      per_user_limit INT UNSIGNED NOT NULL,
      start_date DATETIME(3) NOT NULL,
      end_date DATETIME(3) NOT NULL,
      created_at DATETIME(3) NOT NULL,
      epoch BIGINT NOT NULL,
      PRIMARY KEY (id),
      KEY coupons_by_creation (created_at, id)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
  // Apart from the coupons, and without a foreign key: the topics are not ordered against each
  // other, so an assignment may be projected before its coupon.
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS coupon_counters (
      coupon_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      issued BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (coupon_id)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE IF EXISTS coupon_counters');
  await knex.raw('DROP TABLE IF EXISTS coupons');
}
