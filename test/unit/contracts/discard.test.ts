import { expect } from 'chai';
import { collectDiscards, toDiscardRecord } from '../../../contracts/discard.ts';
import type { Position } from '../../../contracts/position.ts';
import { hashOfValue } from '../../../platform/value-hash.ts';

const position: Position = { topic: 'coupon-assign', partition: 2, offset: 1_041n };
const bytes = Buffer.from('what is this');

const discardOf = (value: Buffer | null) =>
  toDiscardRecord({
    ...{ position, valueHash: hashOfValue(value), decidedAtMs: 1_700_000_000_000 },
    ...{ by: 'ann', because: 'written by hand' },
  });

describe('A discard', () => {
  it('is of these bytes at this place, and of nothing else', () => {
    const discards = collectDiscards([discardOf(bytes)], hashOfValue);
    expect(discards.has(position, bytes)).to.equal(true);
    expect(discards.has(position, Buffer.from('something else'))).to.equal(false);
    expect(discards.has(position, null)).to.equal(false);
    expect(discards.has({ ...position, offset: 1_042n }, bytes)).to.equal(false);
    expect(discards.has({ ...position, partition: 1 }, bytes)).to.equal(false);
    expect(discards.has({ ...position, topic: 'coupon-lifecycle' }, bytes)).to.equal(false);
  });

  it('may be of a record without a value, and beside others of its place', () => {
    const discards = collectDiscards([discardOf(null), discardOf(bytes)], hashOfValue);
    expect(discards.has(position, null)).to.equal(true);
    expect(discards.has(position, bytes)).to.equal(true);
  });

  it('says who decided it, when and why', () => {
    const { key, value } = discardOf(bytes);
    expect(key).to.equal('coupon-assign/2/1041');
    expect(JSON.parse(value.toString())).to.include({
      ...{ format: 1, by: 'ann', because: 'written by hand', decidedAtMs: 1_700_000_000_000 },
    });
  });

  it('is none when it is of a form that this version does not know', () => {
    const known = JSON.parse(discardOf(bytes).value.toString()) as object;
    for (const change of [{ format: 2 }, { offset: 1_041 }, { partition: -1 }, { by: undefined }]) {
      const value = Buffer.from(JSON.stringify({ ...known, ...change }));
      expect(collectDiscards([{ value }], hashOfValue).has(position, bytes)).to.equal(false);
    }
    for (const value of [null, Buffer.from('null'), Buffer.from('no JSON'), Buffer.from('[]')]) {
      expect(collectDiscards([{ value }], hashOfValue).has(position, bytes)).to.equal(false);
    }
  });
});
