// Assignments. The two unique keys are the second fence behind the decision in Redis: no user gets
// the same nth assignment twice, no two users get the same sequence.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // utf8mb4_bin ignores spaces at the end when it compares; no user id has one (domain/user-id.ts).
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS assignments (
      id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      coupon_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      user_id VARCHAR(64) NOT NULL,
      nth_of_user INT UNSIGNED NOT NULL,
      sequence BIGINT UNSIGNED NOT NULL,
      assigned_at DATETIME(3) NOT NULL,
      epoch BIGINT NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY assignments_once_per_turn (coupon_id, user_id, nth_of_user),
      UNIQUE KEY assignments_once_per_sequence (coupon_id, sequence),
      KEY assignments_by_user (user_id, assigned_at, id)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE IF EXISTS assignments');
}
