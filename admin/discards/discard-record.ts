// An operator's decision that a record, which nobody can read, is passed over by every reader of the log
// from now on. For good: what Redis was rebuilt without must not come back.
import { collectDiscards, toDiscardRecord } from '../../contracts/discard.ts';
import { MalformedEvent, toLogEvent } from '../../contracts/event-record.ts';
import type { Position } from '../../contracts/position.ts';
import { DISCARDS_TOPIC, EPOCHS_TOPIC, EVENT_TOPICS } from '../../contracts/topics.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { AppError } from '../../platform/errors.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { createProducer, demandOffsets } from '../../platform/kafka/producer.ts';
import { readWholeTopic } from '../../platform/kafka/whole-topic.ts';
import { hashOfValue } from '../../platform/value-hash.ts';
import { findLogRecord } from '../schemas/find-record.ts';

export type DiscardParts = { kafka: KafkaClient; codec: EventCodec; topicPrefix: string };

export type DiscardOutcome =
  | { kind: 'discarded' | 'discarded-before' }
  /** It can be read, so it counts, and nobody may discard it. */
  | { kind: 'readable' }
  /** There is no such record, or none that could be discarded; `reason` says it. */
  | { kind: 'missing'; reason: string };

const TOPICS: readonly string[] = [...EVENT_TOPICS, EPOCHS_TOPIC];
const WRITE_LIMIT_MS = 30_000;

/**
 * Discards the record at this position, if this version can't read it; acknowledged when it resolves.
 * @throws AppError KAFKA_UNAVAILABLE, REGISTRY_UNAVAILABLE (both retriable)
 */
export async function discardRecord(
  { kafka, codec, topicPrefix }: DiscardParts,
  position: Position,
  { by, because }: { by: string; because: string },
): Promise<DiscardOutcome> {
  if (!TOPICS.includes(position.topic)) {
    return { kind: 'missing', reason: `only records of ${TOPICS.join(', ')} can be discarded` };
  }
  const physical = { ...position, topic: topicPrefix + position.topic };
  const found = await findLogRecord(kafka, physical);
  if (found.kind === 'missing') return found;
  const { value } = found.record;
  const topic = topicPrefix + DISCARDS_TOPIC;
  const discards = collectDiscards(await readWholeTopic(kafka, topic), hashOfValue);
  if (discards.has(position, value)) {
    return { kind: 'discarded-before' };
  }
  if (await isReadable(codec, position.topic, value)) return { kind: 'readable' };
  const discard = { position, valueHash: hashOfValue(value), decidedAtMs: Date.now(), by, because };
  const producer = createProducer(kafka);
  try {
    const record = { topic, partition: 0, ...toDiscardRecord(discard) };
    demandOffsets(await producer.send([record], { timeoutMs: WRITE_LIMIT_MS }), DISCARDS_TOPIC);
  } finally {
    await producer.close();
  }
  return { kind: 'discarded' };
}

async function isReadable(
  codec: Pick<EventCodec, 'decode'>,
  topic: string,
  value: Buffer | null,
): Promise<boolean> {
  try {
    const { name, event } = await codec.decode(value);
    if (topic === EPOCHS_TOPIC) return name === 'EpochClaimed';
    toLogEvent(name, event);
    return true;
  } catch (error) {
    const isForGood = error instanceof AppError && error.retriable === false;
    if (isForGood || error instanceof MalformedEvent) return false;
    throw error;
  }
}
