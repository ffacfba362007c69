import { expect } from 'chai';
import { bisectBatch, type NonEmpty } from '../../../platform/bisect-batch.ts';

/** Splits every part that holds more than a refused item alone; answers with the part. */
function attemptWithout(refused: readonly number[]) {
  const tried: string[] = [];
  const attempt = async (part: NonEmpty<number>): Promise<string | 'split'> => {
    tried.push(part.join(' '));
    const isRefused = part.some((item) => refused.includes(item));
    if (isRefused && part.length > 1) return 'split';
    return `${isRefused ? 'refused' : 'taken'} ${part.join(' ')}`;
  };
  return { tried, attempt };
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('bisectBatch', () => {
  it('leaves a batch whole that is not refused', async () => {
    const { tried, attempt } = attemptWithout([]);
    expect(await allOf(bisectBatch([1, 2, 3], attempt))).to.deep.equal(['taken 1 2 3']);
    expect(tried).to.have.length(1);
  });

  it('finds the refused items by halves, and keeps the order of the batch', async () => {
    const { tried, attempt } = attemptWithout([3]);
    expect(await allOf(bisectBatch([1, 2, 3, 4, 5], attempt))).to.deep.equal([
      'taken 1 2',
      'refused 3',
      'taken 4 5',
    ]);
    expect(tried).to.deep.equal(['1 2 3 4 5', '1 2', '3 4 5', '3', '4 5']);
  });

  it('attempts nothing more once nobody reads on', async () => {
    const { tried, attempt } = attemptWithout([4]);
    for await (const _answer of bisectBatch([1, 2, 3, 4], attempt)) break;
    expect(tried).to.deep.equal(['1 2 3 4', '1 2']);
  });

  it('fails with what the attempt fails with, and when a single item is split', async () => {
    const bug = new TypeError('a bug');
    const failing = allOf(bisectBatch([1], () => Promise.reject(bug)));
    expect(await failing.catch((error: unknown) => error)).to.equal(bug);
    const splitting = allOf(bisectBatch([1, 2], async () => 'split' as const));
    expect(await splitting.catch((error: unknown) => error)).to.be.instanceOf(RangeError);
  });
});
