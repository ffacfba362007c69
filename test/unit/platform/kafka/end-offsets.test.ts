import { expect } from 'chai';
import { createEndOffsetsReader } from '../../../../platform/kafka/end-offsets.ts';
import { errorOf } from '../../../support/error-of.ts';

type Look = PromiseWithResolvers<ReadonlyMap<number, bigint>>;

/** A reader whose looks the test answers itself, in the order in which they began. */
function readerWithLooks(timeoutMs = 10_000) {
  const looks: Look[] = [];
  const read = createEndOffsetsReader(
    {
      endOffsets: () => {
        const look: Look = Promise.withResolvers();
        looks.push(look);
        return look.promise;
      },
    },
    'epochs',
    timeoutMs,
  );
  const answer = async (look: number, high: number): Promise<void> => {
    looks[look]?.resolve(new Map([[0, BigInt(high)]]));
    await settle();
  };
  const fail = async (look: number): Promise<void> => {
    looks[look]?.reject(new Error('no leader'));
    await settle();
  };
  return { read, looks, answer, fail };
}

const settle = () => new Promise(setImmediate);

describe('Looking at the ends of a topic', () => {
  it('is done once for all who come while a look is under way, after that look', async () => {
    const { read, looks, answer } = readerWithLooks();
    const first = read();
    const later = [read(), read(), read()];
    await settle();
    expect(looks).to.have.length(1);
    await answer(0, 1);
    expect((await first).get(0)).to.equal(1n);
    expect(looks).to.have.length(2);
    await answer(1, 2);
    for (const ends of later) expect((await ends).get(0)).to.equal(2n);
    expect(looks).to.have.length(2);
  });

  it('answers nobody by a look that began before the question', async () => {
    const { read, looks, answer } = readerWithLooks();
    void read();
    const second = read();
    await answer(0, 1);
    // The look for `second` is under way now: too early for a third.
    const third = read();
    await answer(1, 2);
    expect((await second).get(0)).to.equal(2n);
    expect(looks).to.have.length(3);
    await answer(2, 3);
    expect((await third).get(0)).to.equal(3n);
  });

  it('begins at once when none is under way', async () => {
    const { read, looks, answer } = readerWithLooks();
    const first = read();
    await answer(0, 1);
    await first;
    void read();
    expect(looks).to.have.length(2);
    await answer(1, 1);
  });

  it('tells a failure to those who asked that look, and looks again for the others', async () => {
    const { read, looks, answer, fail } = readerWithLooks();
    const first = read();
    const second = read();
    await fail(0);
    expect(await errorOf(first)).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    expect(looks).to.have.length(2);
    await answer(1, 5);
    expect((await second).get(0)).to.equal(5n);
    const third = read();
    await answer(2, 6);
    expect((await third).get(0)).to.equal(6n);
  });

  it('gives a look up after its time, and does not take its late answer for a newer look', async () => {
    const { read, looks, answer } = readerWithLooks(20);
    const failed = await errorOf(read());
    expect(failed.code).to.equal('KAFKA_UNAVAILABLE');
    expect(failed.message).to.equal('the end of epochs: no answer in 20 ms');
    const next = read();
    await answer(0, 1);
    await answer(1, 2);
    expect((await next).get(0)).to.equal(2n);
    expect(looks).to.have.length(2);
  });

  it('survives a look that fails after it was given up', async () => {
    const { read, fail } = readerWithLooks(10);
    await errorOf(read());
    await fail(0);
  });
});
