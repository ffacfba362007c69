// The partitions that a rebuild reads: how far each is applied, how far it is to be, and the wait until
// every one of them is there.

import { topicPartitionOf } from '../../contracts/position.ts';
import { withDeadline } from '../../platform/deadline.ts';
import { AppError } from '../../platform/errors.ts';

/** `limit`: the offset that is not applied any more; `next`: the one to be applied next. */
export type FollowedPartition = { topic: string; partition: number; limit: bigint; next: bigint };

export type FollowedPartitions = {
  /** The partition; one that was not asked for before has nothing applied, and nothing to be. */
  at(topic: string, partition: number): FollowedPartition;
  all(): FollowedPartition[];
  /** To be called when a partition has reached its limit. */
  advanced(): void;
  /** Ends every wait with this error; the first one counts. */
  fail(error: unknown): void;
  /**
   * Resolves when every partition is at its limit.
   * @throws AppError KAFKA_UNAVAILABLE (retriable) after `waitMs`; what `fail` was called with
   */
  untilReached(waitMs: number): Promise<void>;
};

/** No partitions yet. */
export function createFollowedPartitions(): FollowedPartitions {
  const partitions = new Map<string, FollowedPartition>();
  let failure: { error: unknown } | undefined;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const reached = async (): Promise<void> => {
    while ([...partitions.values()].some(({ next, limit }) => next < limit)) {
      if (failure !== undefined) throw failure.error;
      await changed.promise;
    }
  };
  return {
    at: (topic, partition) => {
      const name = topicPartitionOf(topic, partition);
      const followed = partitions.get(name) ?? { topic, partition, limit: 0n, next: 0n };
      partitions.set(name, followed);
      return followed;
    },
    all: () => [...partitions.values()],
    advanced: wake,
    fail: (error) => {
      failure ??= { error };
      wake();
    },
    untilReached: (waitMs) =>
      withDeadline(reached(), waitMs, () => logUnreadable(`not there after ${waitMs} ms`)),
  };
}

/** The log can't be read now: an AppError KAFKA_UNAVAILABLE (retriable). */
export function logUnreadable(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, {
    cause,
    retriable: true,
  });
}
