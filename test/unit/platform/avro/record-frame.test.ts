import { expect } from 'chai';
import { FRAME_BYTES, readFrame, writeFrame } from '../../../../platform/avro/record-frame.ts';

describe('the frame of a record', () => {
  it('is a zero byte and the schema id in four bytes, the highest first', () => {
    const buffer = Buffer.alloc(FRAME_BYTES, 0xff);
    writeFrame(buffer, 0x01020304);
    expect([...buffer]).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('gives back every schema id, also the highest', () => {
    for (const schemaId of [0, 1, 0x7fffffff, 0xffffffff]) {
      const buffer = Buffer.alloc(FRAME_BYTES);
      writeFrame(buffer, schemaId);
      expect(readFrame(buffer)).to.deep.equal({ kind: 'framed', schemaId });
    }
  });

  const unframed: [what: string, value: Buffer | null, reason: string][] = [
    ['no value', null, 'no value'],
    ['an empty value', Buffer.alloc(0), '0 bytes'],
    ['four bytes', Buffer.alloc(4), '4 bytes'],
    ['another first byte', Buffer.from('{"a":1}'), 'the first byte is 123'],
  ];
  for (const [what, value, reason] of unframed) {
    it(`is not found in ${what}`, () => {
      const frame = readFrame(value);
      expect(frame.kind === 'unframed' && frame.reason).to.contain(reason);
    });
  }
});
