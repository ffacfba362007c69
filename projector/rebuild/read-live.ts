// How far the live read tables are, for a rebuild that is to bring others as far.
import type { Knex } from 'knex';
import { UNAPPLIED_STATUSES } from '../../contracts/dead-letter.ts';
import type { Position } from '../../contracts/position.ts';
import { topicPartitionOf } from '../../contracts/position.ts';
import { EVENT_TOPICS } from '../../contracts/topics.ts';
import { AppError } from '../../platform/errors.ts';
import { readLogRanges } from '../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { LIVE_TABLES } from '../projection/tables.ts';

/** How far the live tables are, all of it at one moment. */
export type LiveState = {
  /** By partition (`topicPartitionOf`): the checkpoint. */
  reached: Map<string, bigint>;
  /** Records that are not in the tables, because they are parked or discarded. */
  parked: Position[];
};

/** Reads it in a transaction of its own. */
export function readLive(db: Knex): Promise<LiveState> {
  return db.transaction(readLiveIn, { isolationLevel: 'repeatable read' });
}

/** Reads it in a transaction that sees one moment of the tables. */
export async function readLiveIn(trx: Knex): Promise<LiveState> {
  // Checkpoints first: they make the snapshot.
  const checkpoints = await trx(LIVE_TABLES.checkpoints)
    .whereIn('topic', EVENT_TOPICS)
    .select('topic', 'partition_id', 'next_offset');
  const parked = await trx('dead_letters')
    .whereIn('topic', EVENT_TOPICS)
    .whereIn('status', UNAPPLIED_STATUSES)
    .select('topic', 'partition_id', 'record_offset');
  return {
    reached: new Map(
      checkpoints.map((row) => [
        topicPartitionOf(row.topic, row.partition_id),
        BigInt(row.next_offset),
      ]),
    ),
    parked: parked.map((row) => ({
      topic: row.topic,
      partition: row.partition_id,
      offset: BigInt(row.record_offset),
    })),
  };
}

/**
 * Checks that the log can be the one that the tables were made from, whole. One that lost its first
 * records, or another log, would make tables that lack what is in these.
 * @throws AppError TOPIC_MISMATCH, KAFKA_UNAVAILABLE (retriable)
 */
export async function checkLog(
  { kafka, topicPrefix }: { kafka: KafkaClient; topicPrefix: string },
  reached: ReadonlyMap<string, bigint>,
): Promise<void> {
  for (const topic of EVENT_TOPICS) {
    for (const { partition, from, to } of await readLogRanges(kafka, topicPrefix + topic)) {
      const topicPartition = topicPartitionOf(topic, partition);
      if (from > 0n) throw mismatch(`${topicPartition} has lost its first ${from} records`);
      const checkpoint = reached.get(topicPartition) ?? 0n;
      if (checkpoint > to)
        throw mismatch(`${topicPartition} ends at ${to}, applied is ${checkpoint}`);
    }
  }
}

function mismatch(reason: string): AppError {
  return new AppError('TOPIC_MISMATCH', `the read tables can't be made from this log: ${reason}`, {
    retriable: false,
  });
}
