// A record of the log, and a stretch of one partition: what readers and consumers hand out.
import type { KafkaMessage } from 'kafkajs';

/** Names to values: several values under one name are a list. */
export type RecordHeaders = Readonly<
  Record<string, Buffer | string | (Buffer | string)[] | undefined>
>;

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

/** Records of one partition that came together, in order. */
export type RecordBatch = { topic: string; partition: number; records: KafkaRecord[] };

/** Offsets of one partition: `from` included, `to` not. Kafka is asked by the physical `topic`. */
export type LogRange = { topic: string; partition: number; from: bigint; to: bigint };

/** The record in a message of kafkajs. */
export function toKafkaRecord(
  topic: string,
  partition: number,
  { offset, timestamp, key, value, headers = {} }: KafkaMessage,
): KafkaRecord {
  return {
    topic,
    partition,
    offset: BigInt(offset),
    timestamp: Number(timestamp),
    key,
    value,
    headers,
  };
}
