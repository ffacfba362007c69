// One record of the log by its position.
import type { Kafka, KafkaMessage } from 'kafkajs';
import { rangesOf, scanLog } from '../../platform/kafka/log-scan.ts';

/** Where a record lies; `topic` is its physical name. */
export type PhysicalPosition = { topic: string; partition: number; offset: bigint };

/** The record, or why there is none: which topics, partitions or offsets there are instead. */
export type RecordSearch =
  | { kind: 'found'; message: KafkaMessage }
  | { kind: 'missing'; reason: string };

/**
 * Reads the record at this position, of any topic.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function findLogRecord(
  kafka: Kafka,
  position: PhysicalPosition,
): Promise<RecordSearch> {
  const { topic, partition, offset } = position;
  if (!(await topicNames(kafka)).includes(topic)) return missing(`there is no topic ${topic}`);
  const ranges = await rangesOf(kafka, topic);
  const range = ranges.find((candidate) => candidate.partition === partition);
  if (range === undefined) {
    const known = ranges.map((r) => r.partition).sort((a, b) => a - b);
    return missing(`${topic} has the partitions ${known.join(', ')}`);
  }
  const { from, to } = range;
  if (offset < from || offset >= to) {
    const held = from === to ? 'is empty' : `holds the offsets ${from} to ${to - 1n}`;
    return missing(`${topic}/${partition} ${held}`);
  }
  let found: KafkaMessage | undefined;
  await scanLog(kafka, topic, [{ partition, from: offset, to: offset + 1n }], ({ message }) => {
    found = message;
    return 'stop';
  });
  return found === undefined
    ? missing(`${topic}/${partition} has no record at ${offset} any more`)
    : { kind: 'found', message: found };
}

function missing(reason: string): RecordSearch {
  return { kind: 'missing', reason };
}

async function topicNames(kafka: Kafka): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}
