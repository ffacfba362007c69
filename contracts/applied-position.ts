// Where in the log the record stands that made a row of the read tables. A projector applies the
// records of a partition in their order, so a row whose offset is below the partition's checkpoint is
// there, and every row that comes later has a higher one.
import { deadLetterTopicOf, EVENT_TOPICS, type EventTopic } from './topics.ts';

/**
 * `partition`: 0 and up for those of the event topic of the table; partition n of the dead letter topic
 * is -1 - n. `offset`: that of the record that was consumed, so of the dead letter when it was applied
 * from there. -1: the row is from before rows had positions.
 */
export type AppliedPosition = { partition: number; offset: number };

/** The position of what a projector makes of this record. */
export function appliedPositionOf(record: {
  topic: string;
  partition: number;
  offset: bigint;
}): AppliedPosition {
  const { topic, partition, offset } = record;
  return { partition: appliedPartitionOf(topic, partition), offset: Number(offset) };
}

/** The partition of `AppliedPosition` for a partition of a topic. */
export function appliedPartitionOf(topic: string, partition: number): number {
  return DEAD_LETTER_TOPICS.has(topic) ? -1 - partition : partition;
}

/** The topics whose records make the rows of a table, `topic` being the one of its events. */
export function appliedTopicsOf(topic: EventTopic): readonly string[] {
  return [topic, deadLetterTopicOf(topic)];
}

const DEAD_LETTER_TOPICS: ReadonlySet<string> = new Set(EVENT_TOPICS.map(deadLetterTopicOf));
