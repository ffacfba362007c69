import { expect } from 'chai';
import { type BatchFormat, decodeBatches } from '../../../../platform/kafka/decode-batches.ts';

const crc32c: BatchFormat['crc32c'] = (bytes) => bytes.reduce((sum, byte) => sum + byte, 0);

describe('decodeBatches', () => {
  it('gives the records of every whole batch, and leaves out one that is cut off', async () => {
    const bytes = Buffer.concat([batch({ from: 5 }), batch({ from: 7 }), batch({ from: 9 })]);
    expect(await offsetsIn(bytes.subarray(0, -1))).to.deep.equal(['5', '6', '7', '8']);
    expect(await offsetsIn(bytes.subarray(0, 61 * 2 + 12))).to.deep.equal(['5', '6', '7', '8']);
    expect(await offsetsIn(Buffer.alloc(0))).to.deep.equal([]);
  });

  it('marks the end of a batch that has no record there, or none at all', async () => {
    const bytes = Buffer.concat([
      batch({ from: 0, records: [0, 1], last: 3 }),
      batch({ from: 4, records: [], last: 4 }),
      batch({ from: 5 }),
    ]);
    expect(await offsetsIn(bytes)).to.deep.equal(['0', '1', '3 vacant', '4 vacant', '5', '6']);
  });

  it('takes control records for no records', async () => {
    const bytes = Buffer.concat([
      batch({ from: 0, attributes: 0x30, last: 0 }),
      batch({ from: 1 }),
    ]);
    expect(await offsetsIn(bytes)).to.deep.equal(['0 vacant', '1', '2']);
  });

  it('marks a batch that can not be read, and reads on behind it', async () => {
    const flipped = batch({ from: 2 });
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    const bytes = Buffer.concat([
      batch({ from: 0 }),
      flipped,
      batch({ from: 4, attributes: 3 }),
      batch({ from: 6, magic: 1 }),
      batch({ from: 8 }),
    ]);
    expect(await offsetsIn(bytes)).to.deep.equal([
      ...['0', '1'],
      '3 unreadable from 2: its checksum is wrong',
      '5 unreadable from 4: no such codec',
      '7 unreadable from 6: its format is 1, not 2',
      ...['8', '9'],
    ]);
  });
});

/** The bytes of a batch with records at `from` and behind it; its body is the offsets of its records. */
function batch({
  from,
  last = from + 1,
  records = [from, from + 1],
  attributes = 0,
  magic = 2,
}: {
  from: number;
  last?: number;
  records?: number[];
  attributes?: number;
  magic?: number;
}): Buffer {
  const bytes = Buffer.alloc(61 + records.length);
  bytes.writeBigInt64BE(BigInt(from), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes[16] = magic;
  bytes.writeInt16BE(attributes, 21);
  bytes.writeInt32BE(last - from, 23);
  for (const [n, offset] of records.entries()) bytes[61 + n] = offset;
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

async function offsetsIn(bytes: Buffer): Promise<string[]> {
  const decode: BatchFormat['decode'] = async (one) => {
    if ((one.readInt16BE(21) & 7) !== 0) throw new Error('no such codec');
    const records = [...one.subarray(61)].map((offset) => ({
      ...{ offset: String(offset), timestamp: '0', attributes: 0 },
      ...{ key: null, value: null, headers: {} },
    }));
    return { records };
  };
  return (await decodeBatches(bytes, { decode, crc32c })).map(({ offset, mark }) => {
    if (mark === undefined) return offset;
    if (mark.kind === 'vacant') return `${offset} vacant`;
    return `${offset} unreadable from ${mark.from}: ${mark.reason}`;
  });
}
