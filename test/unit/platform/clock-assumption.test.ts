import { expect } from 'chai';
import { compareClocks, MAX_CLOCK_DIFFERENCE_MS } from '../../../platform/clock-assumption.ts';

const NOON_MS = Date.UTC(2026, 11, 1, 12);
const TWO_HOURS_MS = 7_200_000;

function compare(serverMs: number, { onItsWayMs = 0 } = {}) {
  return compareClocks('Redis', {
    ...{ askedMs: NOON_MS, answeredMs: NOON_MS + onItsWayMs },
    ...{ serverFromMs: serverMs, serverToMs: serverMs },
  });
}

describe('comparing clocks', () => {
  it('takes what differs by the limit', () => {
    for (const differenceMs of [0, MAX_CLOCK_DIFFERENCE_MS, -MAX_CLOCK_DIFFERENCE_MS]) {
      expect(compare(NOON_MS + differenceMs)).to.deep.equal({ kind: 'holds' });
    }
  });

  it('says by how much a clock is ahead or behind', () => {
    expect(compare(NOON_MS - TWO_HOURS_MS)).to.deep.equal({
      kind: 'broken',
      reason: 'the clock of this process is 7200 s ahead of that of Redis',
    });
    expect(compare(NOON_MS + TWO_HOURS_MS)).to.deep.equal({
      kind: 'broken',
      reason: 'the clock of this process is 7200 s behind that of Redis',
    });
  });

  it('blames no clock for an answer that was long on its way', () => {
    expect(compare(NOON_MS + 9_000, { onItsWayMs: 9_500 })).to.deep.equal({ kind: 'holds' });
    expect(compare(NOON_MS + 100, { onItsWayMs: 60_000 })).to.deep.equal({ kind: 'holds' });
  });
});
