import { expect } from 'chai';
import fc from 'fast-check';
import { formatPositions, type Position, parsePositions } from '../../../contracts/position.ts';
import { EVENT_TOPICS } from '../../../contracts/topics.ts';

const positions: fc.Arbitrary<Position[]> = fc.array(
  fc.record({
    topic: fc.constantFrom(...EVENT_TOPICS),
    partition: fc.nat(999_999),
    offset: fc.bigInt(0n, 10n ** 18n - 1n),
  }),
  { minLength: 1, maxLength: 16 },
);

describe('Positions in the log', () => {
  it('are written as topic/partition/offset, joined by commas', () => {
    expect(
      formatPositions([
        { topic: 'coupon-assign', partition: 2, offset: 1041n },
        { topic: 'coupon-lifecycle', partition: 0, offset: 0n },
      ]),
    ).to.equal('coupon-assign/2/1041,coupon-lifecycle/0/0');
  });

  it('come back from the header as they went into it', () => {
    fc.assert(
      fc.property(positions, (some) => {
        expect(parsePositions(formatPositions(some))).to.deep.equal(some);
      }),
    );
  });

  it('keep offsets exact beyond what a number can hold', () => {
    expect(parsePositions('coupon-assign/0/9007199254740993')).to.deep.equal([
      { topic: 'coupon-assign', partition: 0, offset: 9_007_199_254_740_993n },
    ]);
  });

  it('may have spaces around the commas', () => {
    expect(parsePositions(' coupon-assign/1/2 , coupon-assign/2/3 ')).to.have.length(2);
  });

  for (const garbage of [
    '',
    ' ',
    ',',
    'coupon-assign',
    'coupon-assign/1',
    'coupon-assign/1/',
    'coupon-assign/1/2/3',
    'coupon-assign/1/2,',
    'coupon-assign/-1/2',
    'coupon-assign/1/-2',
    'coupon-assign/1.0/2',
    'coupon-assign/1/2e3',
    'coupon-assign/0x1/2',
    'coupon-assign/1/١',
    'coupon-assign/1234567/2',
    'coupon-assign/1/1234567890123456789',
    'Coupon-assign/1/2',
    '/1/2',
    '../1/2',
    `${'t'.repeat(102)}/1/2`,
    'coupon-assign/1/2\u0000',
    Array(17).fill('coupon-assign/1/2').join(','),
  ]) {
    it(`are not read from ${JSON.stringify(garbage.slice(0, 40))}`, () => {
      expect(parsePositions(garbage)).to.equal(null);
    });
  }

  it('are read from no text by an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const read = parsePositions(text);
        if (read !== null) expect(parsePositions(formatPositions(read))).to.deep.equal(read);
      }),
    );
  });
});
