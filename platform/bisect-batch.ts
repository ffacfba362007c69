// A batch that is refused as a whole is halved until the items that are refused stand alone.

/** Items of one batch: there is always a first one. */
export type NonEmpty<T> = readonly [T, ...T[]];

/**
 * Gives `batch` to `attempt`; where that answers 'split', gives it the halves, one after the other,
 * down to single items. Yields the other answers in the order of the batch. Whoever stops reading
 * stops the attempts.
 * @throws whatever `attempt` throws; RangeError when it splits a single item
 */
export async function* bisectBatch<T, R>(
  batch: NonEmpty<T>,
  attempt: (part: NonEmpty<T>) => Promise<R | 'split'>,
): AsyncGenerator<R, void> {
  const answer = await attempt(batch);
  if (answer !== 'split') {
    yield answer;
    return;
  }
  if (batch.length === 1) throw new RangeError('a single item can not be split');
  const middle = batch.length >> 1;
  yield* bisectBatch(batch.slice(0, middle) as [T, ...T[]], attempt);
  yield* bisectBatch(batch.slice(middle) as [T, ...T[]], attempt);
}
