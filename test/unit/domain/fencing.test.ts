import { expect } from 'chai';
import { higherMarker, isFenced } from '../../../domain/fencing.ts';

describe('The fencing rule', () => {
  it('lets an event count that is of the epoch of the highest marker before it, or a newer one', () => {
    expect(isFenced(3, 3)).to.equal(false);
    expect(isFenced(4, 3)).to.equal(false);
    expect(isFenced(0, 0)).to.equal(false);
  });

  it('fences an event of an older epoch', () => {
    expect(isFenced(2, 3)).to.equal(true);
  });

  it('fences everything in a partition without a marker', () => {
    expect(isFenced(0, null)).to.equal(true);
    expect(isFenced(9, null)).to.equal(true);
  });

  it('takes the first marker as it is, and never goes back because of a late one', () => {
    expect(higherMarker(null, 0)).to.equal(0);
    expect(higherMarker(3, 5)).to.equal(5);
    expect(higherMarker(5, 3)).to.equal(5);
    expect(higherMarker(5, 5)).to.equal(5);
  });
});
