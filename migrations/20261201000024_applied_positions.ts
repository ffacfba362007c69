// Each coupon and each assignment keeps where in the log it was applied, as
// contracts/applied-position.ts has it, so that a walk over a list finds what was applied since
// (docs/adr/0024-a-walk-misses-nothing.md). Rows that are there already have offset -1.
import type { Knex } from 'knex';

const COLUMNS = `
  ADD COLUMN applied_partition INT NOT NULL DEFAULT 0,
  ADD COLUMN applied_offset BIGINT NOT NULL DEFAULT -1`;

export async function up(knex: Knex): Promise<void> {
  // Columns and keys of a table come in one statement: they are all there, or none of them is.
  if (!(await knex.schema.hasColumn('coupons', 'applied_offset'))) {
    await knex.raw(`
      ALTER TABLE coupons ${COLUMNS},
        ADD KEY coupons_by_applied (applied_partition, applied_offset)
    `);
  }
  if (!(await knex.schema.hasColumn('assignments', 'applied_offset'))) {
    await knex.raw(`
      ALTER TABLE assignments ${COLUMNS},
        ADD KEY assignments_of_coupon_by_applied (coupon_id, applied_partition, applied_offset),
        ADD KEY assignments_of_user_by_applied (user_id, applied_partition, applied_offset)
    `);
  }
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE assignments
      DROP KEY assignments_of_coupon_by_applied,
      DROP KEY assignments_of_user_by_applied,
      DROP COLUMN applied_partition,
      DROP COLUMN applied_offset
  `);
  await knex.raw(`
    ALTER TABLE coupons
      DROP KEY coupons_by_applied,
      DROP COLUMN applied_partition,
      DROP COLUMN applied_offset
  `);
}
