// How far the projection is, and what it could not apply. Topics are logical names: no prefix.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  // The counters say what became of each consumed record:
  // next_offset = applied + repeated + voided + markers + dead_lettered.
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS projection_checkpoints (
      topic VARCHAR(100) NOT NULL,
      partition_id INT NOT NULL,
      next_offset BIGINT NOT NULL,
      highest_marker BIGINT NULL,
      applied BIGINT NOT NULL,
      repeated BIGINT NOT NULL,
      voided BIGINT NOT NULL,
      markers BIGINT NOT NULL,
      dead_lettered BIGINT NOT NULL,
      updated_at DATETIME(3) NOT NULL,
      PRIMARY KEY (topic, partition_id)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
  // topic, partition_id and record_offset are those of the original record, not of its dead letter.
  await knex.raw(`
    CREATE TABLE IF NOT EXISTS dead_letters (
      id BIGINT NOT NULL AUTO_INCREMENT,
      topic VARCHAR(100) NOT NULL,
      partition_id INT NOT NULL,
      record_offset BIGINT NOT NULL,
      record_key VARBINARY(512) NULL,
      record_value LONGBLOB NULL,
      headers JSON NOT NULL,
      reason_code VARCHAR(64) NOT NULL,
      reason VARCHAR(1000) NOT NULL,
      attempts INT NOT NULL,
      failed_at DATETIME(3) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY dead_letters_once_per_record (topic, partition_id, record_offset)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE IF EXISTS dead_letters');
  await knex.raw('DROP TABLE IF EXISTS projection_checkpoints');
}
