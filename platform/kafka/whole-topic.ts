// A small topic, read from its first record to its end of now.
import { withAdmin } from './admin.ts';
import type { KafkaClient } from './client.ts';
import { readRecords } from './range-reader.ts';
import type { KafkaRecord } from './record.ts';

/**
 * Everything that a topic (physical) holds at this moment, in order within its partitions; nothing when
 * it is not there.
 * @throws AppError KAFKA_UNAVAILABLE (retriable); the signal's reason
 */
export async function readWholeTopic(
  client: KafkaClient,
  topic: string,
  signal?: AbortSignal,
): Promise<KafkaRecord[]> {
  const ranges = await withAdmin(client, async (admin) =>
    (await admin.listTopics()).includes(topic) ? admin.rangesOf(topic) : [],
  );
  const records: KafkaRecord[] = [];
  for await (const record of readRecords(client, ranges, signal)) records.push(record);
  return records;
}
