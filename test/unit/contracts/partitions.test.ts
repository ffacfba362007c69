import { expect } from 'chai';
import { formatPartitions, parsePartitions } from '../../../contracts/partitions.ts';

describe('The partitions that an epoch was marked in', () => {
  it('are said in words that people can read, and read back', () => {
    const partitions = { 'coupon-lifecycle': 3, 'coupon-assign': 12 };
    const text = formatPartitions(partitions);
    expect(text).to.equal('coupon-lifecycle=3 coupon-assign=12');
    expect(parsePartitions(text)).to.deep.equal(partitions);
  });

  for (const text of [
    '',
    'coupon-lifecycle=3',
    'coupon-assign=3 coupon-lifecycle=3',
    'coupon-lifecycle=3  coupon-assign=3',
    ' coupon-lifecycle=3 coupon-assign=3',
    'coupon-lifecycle=3 coupon-assign=3\n',
    'coupon-lifecycle=3 coupon-assign=3 coupon-more=3',
    'coupon-lifecycle=3 coupon-assign=0',
    'coupon-lifecycle=3 coupon-assign=03',
    'coupon-lifecycle=3 coupon-assign=-3',
    'coupon-lifecycle=3 coupon-assign=3.5',
    'coupon-lifecycle=3 coupon-assign=3e1',
    'coupon-lifecycle=3 coupon-assign=',
    'coupon-lifecycle=3 coupon-assign=1000000',
    '{"coupon-lifecycle":3,"coupon-assign":3}',
  ]) {
    it(`are unknown where it says ${JSON.stringify(text)}`, () => {
      expect(parsePartitions(text)).to.equal(null);
    });
  }
});
