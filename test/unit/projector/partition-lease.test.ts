import { expect } from 'chai';
import {
  createPartitionLease,
  PartitionRevoked,
} from '../../../projector/consumer/partition-lease.ts';

describe('a partition lease', () => {
  it('gives what the work gives', async () => {
    const { lease } = given();
    expect(await lease.during(async () => 7)).to.equal(7);
  });

  it('throws what the work throws', async () => {
    const { lease } = given();
    const error = await thrownBy(lease.during(() => Promise.reject(new RangeError('a bug'))));
    expect(error).to.be.instanceOf(RangeError);
  });

  it('keeps the heart beating through long work and long waits', async () => {
    const { lease, beats } = given();
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 1_100);
    await lease.during(() => promise);
    expect(beats.count).to.be.at.least(1);
    await lease.wait(1_100);
    expect(beats.count).to.be.at.least(2);
  });

  it('ends with the error of the heartbeat, after the work under way', async () => {
    const rebalance = new Error('the group is rebalancing');
    const { lease } = given({ failure: rebalance });
    let isDone = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 1_100);
    const error = await thrownBy(
      lease.during(async () => {
        await promise;
        isDone = true;
      }),
    );
    expect(isDone).to.equal(true);
    expect(error).to.be.instanceOf(PartitionRevoked).with.property('cause', rebalance);
    expect(await thrownBy(lease.during(async () => expect.fail('ran')))).to.equal(error);
  });

  it('ends a wait at once when the process stops', async () => {
    const { lease, closing, group } = given();
    const start = performance.now();
    setTimeout(() => {
      group.isOurs = false;
      closing.abort();
    }, 50);
    expect(await thrownBy(lease.wait(30_000))).to.be.instanceOf(PartitionRevoked);
    expect(performance.now() - start).to.be.below(5_000);
  });

  it('begins no work when it is over', async () => {
    const { lease, group } = given();
    group.isOurs = false;
    const error = await thrownBy(lease.during(async () => expect.fail('ran')));
    expect(error).to.be.instanceOf(PartitionRevoked);
  });
});

function given({ failure }: { failure?: Error } = {}) {
  const beats = { count: 0 };
  const group = { isOurs: true };
  const closing = new AbortController();
  const lease = createPartitionLease({
    heartbeat: async () => {
      beats.count += 1;
      if (failure !== undefined) throw failure;
    },
    isOurs: () => group.isOurs,
    closing: closing.signal,
  });
  return { lease, beats, group, closing };
}

function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('nothing was thrown'),
    (thrown) => thrown,
  );
}
