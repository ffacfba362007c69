// The dead letter topics as facts: which records of the log have a copy there.
import type { IHeaders, Kafka } from 'kafkajs';
import { placeOf, positionOf } from './facts.ts';
import { type Range, readRanges } from './read-topic.ts';

/**
 * Positions (`positionOf`) of the originals of every record in these ranges. A dead letter that does
 * not say where it came from has none: it never was in the log.
 */
export async function readDeadLetters(
  kafka: Kafka,
  topicPrefix: string,
  ranges: readonly Range[],
): Promise<Set<string>> {
  const positions = new Set<string>();
  await readRanges(kafka, topicPrefix, ranges, async (_range, { headers = {} }) => {
    const topic = textOf(headers, 'firstcome-dlt-topic');
    const partition = textOf(headers, 'firstcome-dlt-partition');
    const offset = textOf(headers, 'firstcome-dlt-offset');
    if (topic === null || partition === null || offset === null) return;
    positions.add(positionOf(placeOf(topic, Number(partition)), Number(offset)));
  });
  return positions;
}

function textOf(headers: IHeaders, name: string): string | null {
  const value = headers[name];
  return value === undefined || Array.isArray(value) ? null : value.toString();
}
