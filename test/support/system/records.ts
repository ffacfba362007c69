// Records of any topic, written and read as they are.
import kafkajs from 'kafkajs';
import { readLogRanges, withAdmin } from '../../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../../platform/kafka/client.ts';
import { kafkajsOf } from '../../../platform/kafka/kafkajs-of.ts';
import { partitionOfKey } from '../../../platform/kafka/partitioner.ts';
import {
  createProducer,
  demandOffsets,
  type RecordToSend,
} from '../../../platform/kafka/producer.ts';
import { readRecords } from '../../../platform/kafka/range-reader.ts';
import type { KafkaRecord } from '../../../platform/kafka/record.ts';

/** `partition` only where a test needs to know it: else that of the key among three, or the first. */
export type TestRecord = Omit<RecordToSend, 'partition'> & { partition?: number };

const RECORDS_PER_SEND = 1_000;
const TIMEOUT_MS = 30_000;

/** Appends in this order; all are acknowledged when it resolves. @returns their offsets */
export async function appendRecords(
  client: KafkaClient,
  records: readonly TestRecord[],
): Promise<bigint[]> {
  const producer = createProducer(client);
  const offsets: bigint[] = [];
  try {
    for (let start = 0; start < records.length; start += RECORDS_PER_SEND) {
      const some = records.slice(start, start + RECORDS_PER_SEND).map((record) => ({
        partition: record.key == null ? 0 : partitionOfKey(String(record.key), 3),
        ...record,
      }));
      const outcome = await producer.send(some, { timeoutMs: TIMEOUT_MS });
      offsets.push(...demandOffsets(outcome, 'a test'));
    }
  } finally {
    await producer.close();
  }
  return offsets;
}

/** As other clients write it: with what kafkajs' types don't know, and any time. */
export type ForeignRecord = {
  partition: number;
  key?: Buffer | string | null;
  value: Buffer | string | null;
  timestamp?: string;
  headers?: Record<string, unknown>;
};

/** Appends these to `topic` (physical) in one batch, compressed with the codec of this name. */
export async function appendForeign(
  client: KafkaClient,
  topic: string,
  records: readonly ForeignRecord[],
  codec: keyof typeof kafkajs.CompressionTypes = 'None',
): Promise<void> {
  const producer = kafkajsOf(client).producer();
  await producer.connect();
  const messages = records as unknown as Parameters<typeof producer.send>[0]['messages'];
  try {
    await producer.send({ topic, messages, compression: kafkajs.CompressionTypes[codec] });
  } finally {
    await producer.disconnect();
  }
}

/** Everything that a topic (physical) holds, in order within its partitions; or one partition of it. */
export async function recordsOf(
  client: KafkaClient,
  topic: string,
  partition?: number,
): Promise<KafkaRecord[]> {
  const ranges = await readLogRanges(client, topic);
  const wanted = ranges.filter((range) => partition === undefined || range.partition === partition);
  const records: KafkaRecord[] = [];
  for await (const record of readRecords(client, wanted)) records.push(record);
  return records;
}

/** Sets these settings of a topic (physical); its other ones stay. */
export function setTopicConfig(
  client: KafkaClient,
  topic: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  return withAdmin(client, (admin) => admin.changeConfig(topic, config));
}
