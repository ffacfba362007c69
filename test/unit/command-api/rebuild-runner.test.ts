import { expect } from 'chai';
import { pino } from 'pino';
import { createRebuilder, type Rebuild } from '../../../command-api/gate/rebuild-runner.ts';
import { AppError } from '../../../platform/errors.ts';
import type { RebuildResult } from '../../../redis-rebuild/rebuild.ts';
import { waitUntil } from '../../support/wait-until.ts';

const REBUILT: RebuildResult = {
  ...{ kind: 'rebuilt', epoch: 1, coupons: 0, assignments: 0, records: 6, fenced: 0 },
  ...{ discarded: 0, snapshot: null, uncreated: [] },
  parts: {
    ...{ ahead: 0, wait: 0, claim: 0, close: 0, mark: 0, read: 0 },
    ...{ fold: 0, write: 0, gate: 0, total: 0 },
  },
};

/** A rebuilder whose attempts end when the test says how. */
function createBench() {
  const attempts: {
    report: (line: string) => void;
    signal: AbortSignal;
    end(result: RebuildResult): Promise<void>;
    fail(error: Error): Promise<void>;
  }[] = [];
  const settle = () => new Promise<void>(setImmediate);
  let rebuilt = 0;
  const lines: string[] = [];
  const errors = () => lines.map((line) => JSON.parse(line).reason as string);
  const rebuild: Rebuild = ({ report, signal }) => {
    const outcome = Promise.withResolvers<RebuildResult>();
    attempts.push({
      report,
      signal,
      end: (result) => {
        outcome.resolve(result);
        return settle();
      },
      fail: (error) => {
        outcome.reject(error);
        return settle();
      },
    });
    return outcome.promise;
  };
  const rebuilder = createRebuilder({
    rebuild,
    onRebuilt: () => {
      rebuilt += 1;
    },
    logger: pino({ level: 'error' }, { write: (line: string) => lines.push(line) }),
  });
  const start = () => rebuilder.start('for a test', async () => true);
  return { rebuilder, attempts, start, rebuilt: () => rebuilt, errors };
}

describe('Rebuilds in the background', () => {
  it('go on one at a time, and tell when Redis is open', async () => {
    const { attempts, start, rebuilt } = createBench();
    start();
    start();
    expect(attempts).to.have.length(1);
    expect(rebuilt()).to.equal(0);
    await attempts[0]?.end(REBUILT);
    expect(rebuilt()).to.equal(1);
    start();
    expect(attempts).to.have.length(2);
  });

  it('show how far they are, and nothing when there is none', async () => {
    const { rebuilder, attempts, start } = createBench();
    expect(rebuilder.progress()).to.equal(null);
    start();
    attempts[0]?.report('marked 6 partitions');
    expect(rebuilder.progress()).to.equal('marked 6 partitions');
    await attempts[0]?.end(REBUILT);
    expect(rebuilder.progress()).to.equal(null);
  });

  it('follow a failed one after a while only, and the longer the more have failed', async () => {
    const { attempts, start } = createBench();
    const pausesMs: number[] = [];
    start();
    for (const failure of ['lost', 'away', 'lost']) {
      const attempt = attempts.at(-1);
      const count = attempts.length;
      if (failure === 'lost') await attempt?.end({ kind: 'lost', reason: 'the lock is gone' });
      else await attempt?.fail(new Error('no broker answers'));
      const failedMs = performance.now();
      start();
      expect(attempts).to.have.length(count);
      await waitUntil('the next attempt', () => {
        start();
        return attempts.length > count;
      });
      pausesMs.push(performance.now() - failedMs);
    }
    expect(pausesMs[0]).to.be.at.least(90);
    expect(pausesMs[1]).to.be.at.least(190);
    expect(pausesMs[2]).to.be.at.least(390);
  });

  it('say once that the log has lost its first records, and again only for another reason', async () => {
    const { rebuilder, attempts, start, errors } = createBench();
    for (const reason of ['its head is gone', 'its head is gone', 'another is']) {
      const count = attempts.length;
      await waitUntil('the next attempt', () => {
        start();
        return attempts.length > count;
      });
      attempts.at(-1)?.report('locked');
      await attempts.at(-1)?.fail(new AppError('TOPIC_MISMATCH', reason));
      expect(rebuilder.unreadable()).to.equal(reason);
    }
    expect(errors()).to.deep.equal(['its head is gone', 'another is']);
    await waitUntil('the next attempt', () => {
      start();
      return attempts.length > 3;
    });
    await attempts[3]?.end(REBUILT);
    expect(rebuilder.unreadable()).to.equal(null);
  });

  it('follow at once when another process was quicker', async () => {
    const { attempts, start, rebuilt } = createBench();
    start();
    await attempts[0]?.end({ kind: 'held-by-another' });
    start();
    await attempts[1]?.end({ kind: 'not-needed' });
    start();
    expect(attempts).to.have.length(3);
    expect(rebuilt()).to.equal(0);
  });

  it('end with the process, which waits for them, and start no more', async () => {
    const { rebuilder, attempts, start } = createBench();
    start();
    const closed = rebuilder.close();
    expect(attempts[0]?.signal.aborted).to.equal(true);
    await attempts[0]?.fail(new Error('this process stops'));
    await closed;
    start();
    expect(attempts).to.have.length(1);
  });

  it('says which record it could not read until that is past, and nothing of the kind for other failures', async () => {
    const { rebuilder, attempts, start } = createBench();
    expect(rebuilder.unreadable()).to.equal(null);
    start();
    const error = new AppError('RECORD_UNREADABLE', 'coupon-assign/2 at 7', { retriable: false });
    await attempts[0]?.fail(error);
    expect(rebuilder.unreadable()).to.equal('coupon-assign/2 at 7');
    await waitUntil('the next attempt', () => {
      start();
      return attempts.length === 2;
    });
    expect(rebuilder.unreadable()).to.equal('coupon-assign/2 at 7');
    await attempts[1]?.end(REBUILT);
    expect(rebuilder.unreadable()).to.equal(null);
    start();
    await attempts[2]?.fail(new Error('the brokers are away'));
    expect(rebuilder.unreadable()).to.equal(null);
  });
});
