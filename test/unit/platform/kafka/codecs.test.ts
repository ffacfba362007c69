import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { snappyBlocksOf } from '../../../../platform/kafka/codecs.ts';

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

describe('the codecs of record batches', () => {
  for (const name of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
    it(`${name} gives back what it was given`, async () => {
      const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes[name]]();
      for (const buffer of [Buffer.from('a'), Buffer.alloc(300_000, 'abc')]) {
        const compressed = await codec.compress({ buffer });
        expect(Buffer.compare(await codec.decompress(compressed), buffer)).to.equal(0);
      }
    });
  }

  it('Snappy reads the frames of Java clients, block by block', async () => {
    const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy]();
    const blocks = await Promise.all(
      ['one', 'two'].map((text) => codec.compress({ buffer: Buffer.from(text) })),
    );
    const framed = Buffer.concat([MAGIC, ...blocks.flatMap((block) => [lengthOf(block), block])]);
    expect(String(await codec.decompress(framed))).to.equal('onetwo');
    expect(() => snappyBlocksOf(framed.subarray(0, -1))).to.throw('cut off');
    expect(() => snappyBlocksOf(framed.subarray(0, 18))).to.throw('cut off');
  });
});

function lengthOf(block: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(block.length);
  return length;
}
