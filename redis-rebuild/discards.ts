// The discards that the log holds: which records are passed over although nobody can read them.
import { collectDiscards, type Discards } from '../contracts/discard.ts';
import { DISCARDS_TOPIC } from '../contracts/topics.ts';
import { readWholeTopic } from '../platform/kafka/whole-topic.ts';
import { hashOfValue } from '../platform/value-hash.ts';
import type { Log } from './log.ts';

/**
 * Every discard up to this moment; none when the topic is not there: it may be older than discards are.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); the signal's reason
 */
export async function readDiscards(
  { kafka, topicPrefix }: Log,
  signal: AbortSignal,
): Promise<Discards> {
  const records = await readWholeTopic(kafka, topicPrefix + DISCARDS_TOPIC, signal);
  return collectDiscards(records, hashOfValue);
}
