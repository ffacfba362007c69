// The dead letter topics as facts: which records of the log have a copy there.
import { topicPartitionOf } from '../../contracts/position.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import type { LogRange, RecordHeaders } from '../../platform/kafka/record.ts';
import { positionOf } from '../facts.ts';
import { readRanges } from './read-topic.ts';

/** What the dead letters say of their originals. */
export type DeadLetterFacts = {
  /** Where the originals are, as `positionOf` spells it. */
  positions: Set<string>;
  /** Keys of those that have no position: they never were in the log. An event's key is its id. */
  refused: Set<string>;
};

/** Reads every record in these ranges. */
export async function readDeadLetters(
  kafka: KafkaClient,
  topicPrefix: string,
  ranges: readonly LogRange[],
): Promise<DeadLetterFacts> {
  const positions = new Set<string>();
  const refused = new Set<string>();
  await readRanges(kafka, topicPrefix, ranges, async (_range, { key, headers }) => {
    const topic = textOf(headers, 'firstcome-dlt-topic');
    const partition = textOf(headers, 'firstcome-dlt-partition');
    const offset = textOf(headers, 'firstcome-dlt-offset');
    if (topic === null || partition === null) return;
    if (offset === null) refused.add(String(key));
    else positions.add(positionOf(topicPartitionOf(topic, Number(partition)), Number(offset)));
  });
  return { positions, refused };
}

function textOf(headers: RecordHeaders, name: string): string | null {
  const value = headers[name];
  return value == null || Array.isArray(value) ? null : value.toString();
}
