// A record of the log, and a stretch of one partition: what readers and consumers hand out.
import type { FetchedMessage } from './decode-batches.ts';
import type { FetchedBatch } from './kafkajs-internals.ts';

/** A header's value; null: the header has none. */
type HeaderValue = Buffer | string | null;

/** Names to values: several values under one name are a list. */
export type RecordHeaders = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>;

/** A record as it lies in the log. `topic` is its physical name; `timestamp`: milliseconds since 1970. */
export type KafkaRecord = {
  topic: string;
  partition: number;
  offset: bigint;
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: RecordHeaders;
};

/** Offsets of one partition: `from` included, `to` not. Kafka is asked by the physical `topic`. */
export type LogRange = { topic: string; partition: number; from: bigint; to: bigint };

/**
 * Every record that the log has in a range, in order, as the broker gave them together: offsets without
 * one have none in the log (control records of transactions, compacted records).
 */
export type RecordBatch = LogRange & {
  records: KafkaRecord[];
  /** At `to` is a batch that can't be read, and why; null: there is none. */
  unreadable: string | null;
};

/** What a fetch brought of a partition, up to the first of its batches that can't be read. */
export function toRecordBatch({
  topic,
  partition,
  fetchedOffset,
  messages,
}: FetchedBatch): RecordBatch {
  const from = BigInt(fetchedOffset);
  const batch: RecordBatch = { topic, partition, from, to: from, records: [], unreadable: null };
  for (const message of messages as FetchedMessage[]) {
    const { mark } = message;
    if (mark?.kind === 'unreadable') {
      if (mark.from > batch.to) batch.to = mark.from;
      batch.unreadable = `the batch from ${mark.from} to ${message.offset} can't be read: ${mark.reason}`;
      return batch;
    }
    if (mark === undefined) batch.records.push(toKafkaRecord(topic, partition, message));
    batch.to = BigInt(message.offset) + 1n;
  }
  return batch;
}

function toKafkaRecord(
  topic: string,
  partition: number,
  { offset, timestamp, key, value, headers = {} }: FetchedMessage,
): KafkaRecord {
  return {
    ...{ topic, partition, offset: BigInt(offset), timestamp: Number(timestamp) },
    ...{ key, value, headers },
  };
}
