// The discards as facts: which records of the log every reader passes over.
import { collectDiscards, type Discards } from '../../contracts/discard.ts';
import { DISCARDS_TOPIC } from '../../contracts/topics.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { readWholeTopic } from '../../platform/kafka/whole-topic.ts';
import { hashOfValue } from '../../platform/value-hash.ts';

/**
 * Every discard up to this moment.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function readDiscardFacts(kafka: KafkaClient, topicPrefix: string): Promise<Discards> {
  const records = await readWholeTopic(kafka, topicPrefix + DISCARDS_TOPIC);
  return collectDiscards(records, hashOfValue);
}
