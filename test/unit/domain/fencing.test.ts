import { expect } from 'chai';
import { higherMarker, isVoid } from '../../../domain/fencing.ts';

describe('The void rule', () => {
  it('lets an event count that is of the epoch of the highest marker before it, or a newer one', () => {
    expect(isVoid(3, 3)).to.equal(false);
    expect(isVoid(4, 3)).to.equal(false);
    expect(isVoid(0, 0)).to.equal(false);
  });

  it('makes an event of an older epoch void', () => {
    expect(isVoid(2, 3)).to.equal(true);
  });

  it('makes everything void in a partition without a marker', () => {
    expect(isVoid(0, null)).to.equal(true);
    expect(isVoid(9, null)).to.equal(true);
  });

  it('takes the first marker as it is, and never goes back because of a late one', () => {
    expect(higherMarker(null, 0)).to.equal(0);
    expect(higherMarker(3, 5)).to.equal(5);
    expect(higherMarker(5, 3)).to.equal(5);
    expect(higherMarker(5, 5)).to.equal(5);
  });
});
