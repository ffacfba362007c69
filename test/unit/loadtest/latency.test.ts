import { expect } from 'chai';
import fc from 'fast-check';
import { summarize } from '../../../loadtest/report/latency.ts';

describe('a summary of latencies', () => {
  it('is null of nothing', () => {
    expect(summarize([])).to.equal(null);
  });

  it('of one sample is that sample', () => {
    expect(summarize([7])).to.deep.equal({ count: 1, mean: 7, p50: 7, p95: 7, p99: 7, max: 7 });
  });

  it('of 1 to 1000, in any order, is exact', () => {
    const samples = Array.from({ length: 1_000 }, (_, i) => ((i * 7) % 1_000) + 1);
    expect(summarize(samples)).to.deep.equal({
      count: 1_000,
      mean: 500.5,
      p50: 500,
      p95: 950,
      p99: 990,
      max: 1_000,
    });
  });

  it('gives as a percentile the smallest sample that so many are not above', () => {
    const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(samples, (list) => {
        const latency = summarize(list);
        const notAbove = (limit: number): number => list.filter((one) => one <= limit).length;
        const below = (limit: number): number => list.filter((one) => one < limit).length;
        for (const [percent, value] of [
          [50, latency?.p50],
          [95, latency?.p95],
          [99, latency?.p99],
        ] as const) {
          expect(list).to.include(value);
          expect(notAbove(value ?? 0)).to.be.at.least((percent / 100) * list.length);
          expect(below(value ?? 0)).to.be.below((percent / 100) * list.length);
        }
        expect(latency?.max).to.equal(Math.max(...list));
      }),
    );
  });

  it('leaves the samples in their order', () => {
    const samples = [3, 1, 2];
    summarize(samples);
    expect(samples).to.deep.equal([3, 1, 2]);
  });
});
