// Puts our own ways between records and bytes in the place of those of kafkajs 2.2.4. Its own leave out
// where a batch ends, so that no gap in the offsets is known for what it is; end the whole fetch at one
// batch that can't be read; mix up headers that are named like something that every object has; and
// can't write a header without a value. docs/adr/0017. Importing this file changes kafkajs for the process.
import type { KafkaMessage } from 'kafkajs';
import './codecs.ts';
import { type BatchFormat, decodeBatches, type FetchedMessage } from './decode-batches.ts';
import { headersOf, pairsOf } from './headers.ts';
import { replaceInternal, requireInternal } from './kafkajs-internals.ts';
import type { RecordHeaders } from './record.ts';

/** What kafkajs reads a response with. */
type Decoder = {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
  readVarIntArray<T>(read: (decoder: Decoder) => T): T[];
};
type DecoderConstructor = new (bytes: Buffer) => Decoder;
type DecodeRecord = (decoder: Decoder, batch: object) => KafkaMessage;

/** What kafkajs writes a request with; every `write` gives the encoder itself. */
type Encoder = {
  writeInt8(value: number): Encoder;
  writeVarInt(value: number): Encoder;
  writeVarLong(value: number | string): Encoder;
  writeVarIntBytes(value: Buffer | string | null): Encoder;
};
type EncoderConstructor = (new () => Encoder) & {
  sizeOfVarInt(value: number): number;
  sizeOfVarLong(value: number | string): number;
  sizeOfVarIntBytes(value: Buffer | string | null): number;
};
type RecordToEncode = {
  offsetDelta?: number;
  timestampDelta?: number | string;
  key?: Buffer | string | null;
  value: Buffer | string | null;
  headers?: RecordHeaders;
};

replaceInternal('protocol/recordBatch/record/v0/decoder.js', (original): DecodeRecord => {
  type Pair = { key: string | null; value: Buffer | null };
  return (decoder, batch) => {
    let pairs: Pair[] = [];
    const read = decoder.readVarIntArray;
    // The headers are the only list in a record.
    decoder.readVarIntArray = <T>(readOne: (from: Decoder) => T): T[] => {
      pairs = read.call(decoder, readOne) as Pair[];
      return [];
    };
    const message = (original as DecodeRecord)(decoder, batch);
    return Object.assign(message, { headers: headersOf(pairs) });
  };
});

replaceInternal('protocol/recordBatch/record/v0/index.js', () => {
  const EncoderClass = requireInternal('protocol/encoder.js') as EncoderConstructor;
  const { sizeOfVarIntBytes } = EncoderClass;
  return (record: RecordToEncode): Encoder => {
    const { offsetDelta = 0, timestampDelta = 0, key = null, value, headers = {} } = record;
    const pairs = pairsOf(headers);
    const size =
      1 +
      EncoderClass.sizeOfVarLong(timestampDelta) +
      EncoderClass.sizeOfVarInt(offsetDelta) +
      sizeOfVarIntBytes(key) +
      sizeOfVarIntBytes(value) +
      EncoderClass.sizeOfVarInt(pairs.length) +
      pairs.reduce(
        (sum, pair) => sum + sizeOfVarIntBytes(pair.key) + sizeOfVarIntBytes(pair.value),
        0,
      );
    const encoder = new EncoderClass()
      .writeVarInt(size)
      .writeInt8(0)
      .writeVarLong(timestampDelta)
      .writeVarInt(offsetDelta)
      .writeVarIntBytes(key)
      .writeVarIntBytes(value)
      .writeVarInt(pairs.length);
    for (const pair of pairs) encoder.writeVarIntBytes(pair.key).writeVarIntBytes(pair.value);
    return encoder;
  };
});

replaceInternal('protocol/requests/fetch/v4/decodeMessages.js', () => {
  const decode = requireInternal('protocol/recordBatch/v0/decoder.js') as (
    batch: Decoder,
  ) => ReturnType<BatchFormat['decode']>;
  const DecoderClass = requireInternal('protocol/decoder.js') as DecoderConstructor;
  const crc32c = requireInternal('protocol/recordBatch/crc32C/index.js') as BatchFormat['crc32c'];
  const format: BatchFormat = { decode: (batch) => decode(new DecoderClass(batch)), crc32c };
  return async (response: Decoder): Promise<FetchedMessage[]> => {
    const size = response.readInt32();
    if (size <= 0 || !response.canReadBytes(size)) return [];
    return decodeBatches(response.readBytes(size), format);
  };
});
