import { expect } from 'chai';
import fc from 'fast-check';
import { backoffMs, pause } from '../../../platform/backoff.ts';

describe('Waiting longer after each failure', () => {
  const backoff = { firstMs: 100, factor: 2, maxMs: 1_000 };

  it('doubles from the first wait to the longest', () => {
    const waits = [0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(backoff, attempt));
    expect(waits).to.deep.equal([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('never waits longer than the longest, however many failures there were', () => {
    fc.assert(
      fc.property(fc.nat(), (attempt) => {
        expect(backoffMs(backoff, attempt)).to.be.within(100, 1_000);
      }),
    );
  });

  it('pauses for about as long as it is told', async () => {
    const startedMs = performance.now();
    await pause(30);
    expect(performance.now() - startedMs).to.be.within(28, 30_000);
  });

  it('ends a pause when its signal does, without an error', async () => {
    const ended = new AbortController();
    const paused = pause(60_000, ended.signal);
    ended.abort();
    expect(await paused).to.equal(undefined);
    expect(await pause(60_000, ended.signal)).to.equal(undefined);
  });
});
