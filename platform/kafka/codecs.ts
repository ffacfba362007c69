// Every codec that a record batch may be compressed with: the topic's `compression.type`, or another
// client, chooses. kafkajs has gzip alone. Importing this file adds the others for the process.
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { decompress as fromLz4, compress as toLz4 } from 'lz4js';
import { uncompress as fromSnappy, compress as toSnappy } from 'snappyjs';

/** The way from bytes to fewer of them, and back. */
type Codec = {
  compress(records: { buffer: Buffer }): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
};

/** Before the blocks of a Java client: 8 bytes, and two versions of 4. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

const zstdCompressed = promisify(zstdCompress);
const zstdDecompressed = promisify(zstdDecompress);

// In JavaScript alone, both: the lock of the services holds no package that is built for some systems only.
const snappy: Codec = {
  compress: async ({ buffer }) => toSnappy(buffer),
  decompress: async (compressed) =>
    Buffer.concat(snappyBlocksOf(compressed).map((block) => fromSnappy(block))),
};

/** The head of a frame whose blocks (of 4 MiB) stand each for itself, as brokers demand; lz4js writes another. */
const LZ4_HEAD = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);

const lz4: Codec = {
  compress: async ({ buffer }) =>
    Buffer.concat([LZ4_HEAD, toLz4(buffer).subarray(LZ4_HEAD.length)]),
  decompress: async (compressed) => Buffer.from(fromLz4(compressed)),
};

const zstd: Codec = {
  compress: ({ buffer }) => zstdCompressed(buffer),
  decompress: (compressed) => zstdDecompressed(compressed),
};

// The default export: named ones of kafkajs are not all seen.
const { CompressionCodecs, CompressionTypes } = kafkajs;
CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;

/**
 * The raw Snappy blocks of a batch: those of the Java client are framed (each behind its length), and
 * librdkafka writes one without a frame.
 * @throws Error when a frame is cut off
 */
export function snappyBlocksOf(compressed: Buffer): Buffer[] {
  if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return [compressed];
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length; ) {
    const length = compressed.length - at < 4 ? -1 : compressed.readInt32BE(at);
    const block = compressed.subarray(at + 4, at + 4 + length);
    if (length < 0 || block.length < length) throw new Error('a snappy block is cut off');
    blocks.push(block);
    at += 4 + length;
  }
  return blocks;
}
