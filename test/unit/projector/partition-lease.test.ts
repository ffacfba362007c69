import { expect } from 'chai';
import { createTurn, TurnEnded } from '../../../projector/consumer/partition-lease.ts';

describe('a turn', () => {
  it('gives what the work gives', async () => {
    const { turn } = given();
    expect(await turn.during(async () => 7)).to.equal(7);
  });

  it('throws what the work throws', async () => {
    const { turn } = given();
    const error = await thrownBy(turn.during(() => Promise.reject(new RangeError('a bug'))));
    expect(error).to.be.instanceOf(RangeError);
  });

  it('keeps the heart beating through long work and long waits', async () => {
    const { turn, beats } = given();
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 1_100);
    await turn.during(() => promise);
    expect(beats.count).to.equal(1);
    await turn.wait(1_100);
    expect(beats.count).to.be.at.least(2);
  });

  it('ends with the error of the heartbeat, after the work under way', async () => {
    const rebalance = new Error('the group is rebalancing');
    const { turn } = given({ failure: rebalance });
    let isDone = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 1_100);
    const error = await thrownBy(
      turn.during(async () => {
        await promise;
        isDone = true;
      }),
    );
    expect(isDone).to.equal(true);
    expect(error).to.be.instanceOf(TurnEnded).with.property('cause', rebalance);
    expect(await thrownBy(turn.during(async () => expect.fail('ran')))).to.equal(error);
  });

  it('ends a wait at once when the process stops', async () => {
    const { turn, closing, group } = given();
    const start = performance.now();
    setTimeout(() => {
      group.isOurs = false;
      closing.abort();
    }, 50);
    expect(await thrownBy(turn.wait(30_000))).to.be.instanceOf(TurnEnded);
    expect(performance.now() - start).to.be.below(5_000);
  });

  it('begins no work when it is over', async () => {
    const { turn, group } = given();
    group.isOurs = false;
    const error = await thrownBy(turn.during(async () => expect.fail('ran')));
    expect(error).to.be.instanceOf(TurnEnded);
  });
});

function given({ failure }: { failure?: Error } = {}) {
  const beats = { count: 0 };
  const group = { isOurs: true };
  const closing = new AbortController();
  const turn = createTurn({
    heartbeat: async () => {
      beats.count += 1;
      if (failure !== undefined) throw failure;
    },
    isOurs: () => group.isOurs,
    closing: closing.signal,
  });
  return { turn, beats, group, closing };
}

function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('nothing was thrown'),
    (thrown) => thrown,
  );
}
