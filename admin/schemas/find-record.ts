// One record of the log by its position.
import { withAdmin } from '../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { readRecords } from '../../platform/kafka/range-reader.ts';
import type { KafkaRecord } from '../../platform/kafka/record.ts';

/** Where a record lies; `topic` is its physical name. */
export type PhysicalPosition = { topic: string; partition: number; offset: bigint };

/** The record, or why there is none: which topics, partitions or offsets there are instead. */
export type RecordSearch =
  | { kind: 'found'; record: KafkaRecord }
  | { kind: 'missing'; reason: string };

/**
 * Reads the record at this position, of any topic.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function findLogRecord(
  kafka: KafkaClient,
  position: PhysicalPosition,
): Promise<RecordSearch> {
  const { topic, partition, offset } = position;
  const ranges = await withAdmin(kafka, async (admin) =>
    (await admin.listTopics()).includes(topic) ? admin.rangesOf(topic) : null,
  );
  if (ranges === null) return missing(`there is no topic ${topic}`);
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
  const wanted = { topic, partition, from: offset, to: offset + 1n };
  for await (const record of readRecords(kafka, [wanted])) return { kind: 'found', record };
  return missing(`${topic}/${partition} has no record at ${offset} any more`);
}

function missing(reason: string): RecordSearch {
  return { kind: 'missing', reason };
}
