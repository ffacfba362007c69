// The record batches that a fetch brought of one partition, taken apart. What kafkajs leaves out is here
// a message with a mark: where a batch has offsets without a record, and that one can't be read.
import type { KafkaMessage } from 'kafkajs';
import { messageOf } from '../errors.ts';

/** What a message without a record stands for. */
type Mark =
  /** Up to this message's offset there is no further record: control records, or compacted ones. */
  | { kind: 'vacant' }
  /** The batch from `from` up to this message's offset can't be read. */
  | { kind: 'unreadable'; from: bigint; reason: string };

/** A message of kafkajs, or a mark in its place. */
export type FetchedMessage = KafkaMessage & { mark?: Mark };

export type BatchFormat = {
  /** Takes the bytes of one batch apart. */
  decode(batch: Buffer): Promise<{ records: KafkaMessage[] }>;
  crc32c(bytes: Buffer): number;
};

/** Where the fields of a batch are (magic 2, the only one since Kafka 4). */
const AT = { length: 8, magic: 16, crc: 17, attributes: 21, lastOffsetDelta: 23 };
const BEFORE_LENGTH_ENDS = 12;
const HEADER_BYTES = 61;
const MAGIC = 2;
const CONTROL = 0x20;

/**
 * Every record of these batches, and a mark behind each batch that ends in offsets without one. A batch
 * that can't be read is one mark, and does not keep the others from being read. Never throws.
 */
export async function decodeBatches(bytes: Buffer, format: BatchFormat): Promise<FetchedMessage[]> {
  const messages: FetchedMessage[] = [];
  for (let at = 0; ; ) {
    const batch = batchAt(bytes, at);
    // The last one is cut off where the fetch had its limit.
    if (batch === null) return messages;
    for (const message of await decodeOne(batch, format)) messages.push(message);
    at += batch.length;
  }
}

function batchAt(bytes: Buffer, at: number): Buffer | null {
  if (bytes.length - at < HEADER_BYTES) return null;
  const length = BEFORE_LENGTH_ENDS + bytes.readInt32BE(at + AT.length);
  return length < HEADER_BYTES || bytes.length - at < length
    ? null
    : bytes.subarray(at, at + length);
}

async function decodeOne(batch: Buffer, format: BatchFormat): Promise<FetchedMessage[]> {
  const from = batch.readBigInt64BE(0);
  const last = from + BigInt(batch.readInt32BE(AT.lastOffsetDelta));
  // Control records end transactions: no record of anybody.
  if ((batch.readInt16BE(AT.attributes) & CONTROL) !== 0) return [markAt(last, { kind: 'vacant' })];
  try {
    demand(batch[AT.magic] === MAGIC, `its format is ${batch[AT.magic]}, not ${MAGIC}`);
    const crc = format.crc32c(batch.subarray(AT.attributes));
    demand(crc === batch.readUInt32BE(AT.crc), 'its checksum is wrong');
    const { records } = await format.decode(batch);
    if (records.at(-1)?.offset === String(last)) return records;
    return [...records, markAt(last, { kind: 'vacant' })];
  } catch (error) {
    return [markAt(last, { kind: 'unreadable', from, reason: messageOf(error) })];
  }
}

function demand(holds: boolean, reason: string): void {
  if (!holds) throw new Error(reason);
}

function markAt(offset: bigint, mark: Mark): FetchedMessage {
  return {
    ...{ offset: String(offset), timestamp: '0', key: null, value: null, attributes: 0 },
    ...{ headers: {}, mark },
  };
}
