import { expect } from 'chai';
import { findLostRecords } from '../../../redis-rebuild/log-start.ts';

type Starts = Record<string, number>;

/** Ranges up to 100, by topic and partition; they begin at 0 unless said otherwise. */
function log(starts: Starts) {
  return ['coupon-lifecycle/0', 'coupon-assign/0', 'coupon-assign/1', 'coupon-epochs/0'].map(
    (place) => {
      const [topic = '', partition] = place.split('/');
      return { topic, partition: Number(partition), from: BigInt(starts[place] ?? 0), to: 100n };
    },
  );
}

function snapshot(ends: Starts) {
  const marks = { highestMarker: null, highestEpoch: null, lastRecord: null };
  return {
    partitions: Object.entries(ends).map(([place, next]) => {
      const [topic = '', partition] = place.split('/');
      return { topic: topic as 'coupon-assign', partition: Number(partition), next, ...marks };
    }),
  };
}

describe('what the log has lost', () => {
  it('is nothing when each partition begins at its first record', () => {
    expect(findLostRecords(log({}), [])).to.deep.equal([]);
  });

  it('is what no snapshot covers, partition by partition', () => {
    const cut = log({ 'coupon-assign/0': 7, 'coupon-assign/1': 9 });
    const lost = [
      'coupon-assign/0 begins at 7, and no snapshot covers what was before',
      'coupon-assign/1 begins at 9, and no snapshot covers what was before',
    ];
    expect(findLostRecords(cut, [])).to.deep.equal(lost);
    const halves = [snapshot({ 'coupon-assign/0': 50 }), snapshot({ 'coupon-assign/1': 50 })];
    expect(findLostRecords(cut, halves)).to.deep.equal(lost);
  });

  it('is nothing where one snapshot goes at least as far as all that is gone', () => {
    const cut = log({ 'coupon-assign/0': 7, 'coupon-assign/1': 9 });
    const goesTo = (next: number) => [snapshot({ 'coupon-assign/0': 8, 'coupon-assign/1': next })];
    expect(findLostRecords(cut, goesTo(10))).to.deep.equal([]);
    expect(findLostRecords(cut, goesTo(9))).to.deep.equal([]);
    expect(findLostRecords(cut, goesTo(8))).to.have.lengthOf(2);
  });

  it('is of the claims only all of them', () => {
    expect(findLostRecords(log({ 'coupon-epochs/0': 99 }), [])).to.deep.equal([]);
    expect(findLostRecords(log({ 'coupon-epochs/0': 100 }), [])).to.deep.equal([
      'coupon-epochs has no claim any more; firstcome rebuild-redis makes one',
    ]);
  });
});
