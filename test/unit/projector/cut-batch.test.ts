import { expect } from 'chai';
import fc from 'fast-check';
import { cutBatch } from '../../../projector/consumer/cut-batch.ts';

describe('cutBatch', () => {
  it('makes nothing of nothing', () => {
    expect(cutBatch([], { maxRecords: 3, maxBytes: 10 })).to.deep.equal([]);
  });

  it('cuts by the number of records', () => {
    const sizes = sizesOf(cutBatch(records(1, 1, 1, 1, 1, 1, 1), { maxRecords: 3, maxBytes: 100 }));
    expect(sizes).to.deep.equal([[1, 1, 1], [1, 1, 1], [1]]);
  });

  it('cuts by bytes, and gives a record that is too large a batch of its own', () => {
    const sizes = sizesOf(cutBatch(records(4, 6, 1, 50, 2, 9), { maxRecords: 100, maxBytes: 10 }));
    expect(sizes).to.deep.equal([[4, 6], [1], [50], [2], [9]]);
  });

  it('takes a record without a value as empty', () => {
    const batch = [{ value: null }, { value: null }];
    expect(cutBatch(batch, { maxRecords: 5, maxBytes: 1 })).to.deep.equal([batch]);
  });

  it('keeps every record, in order, within the limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 50 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 40 }),
        (lengths, maxRecords, maxBytes) => {
          const all = records(...lengths);
          const batches = cutBatch(all, { maxRecords, maxBytes });
          expect(batches.flat()).to.deep.equal(all);
          for (const sizes of sizesOf(batches)) {
            expect(sizes.length).to.be.within(1, maxRecords);
            if (sizes.length > 1) expect(sizes.reduce((a, b) => a + b)).to.be.at.most(maxBytes);
          }
        },
      ),
    );
  });
});

function records(...lengths: number[]): { value: Buffer }[] {
  return lengths.map((length) => ({ value: Buffer.alloc(length) }));
}

function sizesOf(batches: { value: Buffer }[][]): number[][] {
  return batches.map((batch) => batch.map(({ value }) => value.length));
}
