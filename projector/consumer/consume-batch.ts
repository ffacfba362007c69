// One batch as Kafka hands it over: cut, applied, and its partition sought anew where the log and the
// checkpoint disagree.
import { topicPartitionOf } from '../../contracts/position.ts';
import { AppError } from '../../platform/errors.ts';
import { type ConsumedBatch, MembershipLost } from '../../platform/kafka/consumer.ts';
import type { Logger } from '../../platform/logger.ts';
import { type Consumed, nextOffsetOf, toConsumed } from '../consumed-record.ts';
import { codeOf, reasonOf } from '../failures.ts';
import type { ApplyBatch } from './apply-batch.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import { type BatchLimits, cutBatch } from './cut-batch.ts';
import { createPartitionLease, type PartitionLease, PartitionRevoked } from './partition-lease.ts';
import type { Progress } from './progress.ts';
import { createWaitOut } from './wait-out.ts';
import type { AppliedOffset } from './watch-checkpoints.ts';

export type BatchConsumerParts = {
  /** The consumer's name in health answers and logs. */
  name: string;
  topicPrefix: string;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
  consumerHealth: Pick<ConsumerHealth, 'active' | 'stalled'>;
  progress: Pick<Progress, 'advanced'>;
  logger: Logger;
  /** Goes on at an offset of a partition; the topic is logical. */
  seek: (topic: string, partition: number, offset: bigint) => void;
  /** How far this process has applied each partition (by `topicPartitionOf`); it is kept here. */
  applied: Map<string, AppliedOffset>;
  closing: AbortSignal;
};

/** So often in a row may Kafka and the checkpoint disagree about a partition. */
const MAX_DISAGREEMENTS = 3;

/**
 * The function that is called with each batch. It resolves when the batch was applied, or when the
 * partition is left to others.
 * @throws MembershipLost, which makes the consumer join again; any other error ends it
 */
export function createBatchConsumer(
  parts: BatchConsumerParts,
): (batch: ConsumedBatch) => Promise<void> {
  const { applied, limits, applyBatch, consumerHealth, progress, name } = parts;
  const checkpointSeek = createCheckpointSeeks(parts);
  const waitAtUnreadable = createUnreadableWait(parts);

  const consumeBatch = async (batch: ConsumedBatch, lease: PartitionLease): Promise<void> => {
    const { partition, endOffset } = batch;
    const topic = batch.topic.slice(parts.topicPrefix.length);
    const topicPartition = topicPartitionOf(topic, partition);
    for (const some of cutBatch(toConsumed(topic, batch), limits)) {
      if (!batch.isCurrent()) return;
      const outcome = await applyBatch(some as [Consumed, ...Consumed[]], lease);
      consumerHealth.active(name);
      const { nextOffset } = outcome;
      if (outcome.kind === 'gap') return checkpointSeek.afterGap(batch, nextOffset);
      progress.advanced(topicPartition, outcome.counts, nextOffset, endOffset);
      const behind = nextOffsetOf(some.at(-1) as Consumed);
      if (nextOffset > behind) return checkpointSeek.ahead(batch, nextOffset);
      checkpointSeek.agreed(topicPartition);
      applied.set(topicPartition, { topic, partition, nextOffset });
      batch.done(behind - 1n);
      await batch.heartbeat();
    }
    if (batch.unreadable !== null) return waitAtUnreadable(batch, batch.unreadable, lease);
    await batch.commit(batch.to);
  };

  return async (batch) => {
    const { heartbeat, isCurrent } = batch;
    const lease = createPartitionLease({ heartbeat, isOurs: isCurrent, closing: parts.closing });
    try {
      await consumeBatch(batch, lease);
    } catch (error) {
      throwUnlessRevoked(error, parts.logger);
    }
  };
}

/**
 * Waits where a batch of the log can't be read, longer each time, and asks for it once more. Nothing is
 * known of what is in it, so nothing can be passed over: the other partitions go on meanwhile, and this
 * one when the broker, or another replica, has sound bytes.
 */
function createUnreadableWait({ topicPrefix, seek, consumerHealth, logger }: BatchConsumerParts) {
  const waitOut = createWaitOut(consumerHealth, logger);
  const waits = new Map<string, { offset: bigint; attempts: number }>();
  return async (batch: ConsumedBatch, reason: string, lease: PartitionLease): Promise<void> => {
    const { partition, to: offset } = batch;
    const topic = batch.topic.slice(topicPrefix.length);
    const topicPartition = topicPartitionOf(topic, partition);
    const before = waits.get(topicPartition);
    const attempts = before?.offset === offset ? before.attempts + 1 : 0;
    waits.set(topicPartition, { offset, attempts });
    const error = new AppError('KAFKA_UNAVAILABLE', reason, { retriable: true });
    await waitOut({ topic, partition, offset }, error, attempts, lease);
    seek(topic, partition, offset);
  };
}

/**
 * Goes to the checkpoint of a partition. Kafka and the checkpoint disagree when a batch begins past the
 * checkpoint, or the checkpoint lies past the log's end. Both have the same remedy, and the same end
 * when it does not help: the log in Kafka is not the one that the rows were made from.
 */
function createCheckpointSeeks({ topicPrefix, seek }: BatchConsumerParts) {
  const disagreements = new Map<string, number>();
  const nameOf = ({ topic, partition }: ConsumedBatch): string =>
    topicPartitionOf(topic.slice(topicPrefix.length), partition);
  const goTo = ({ topic, partition }: ConsumedBatch, nextOffset: bigint): void =>
    seek(topic.slice(topicPrefix.length), partition, nextOffset);
  const disagree = (batch: ConsumedBatch, nextOffset: bigint): void => {
    const topicPartition = nameOf(batch);
    const times = (disagreements.get(topicPartition) ?? 0) + 1;
    disagreements.set(topicPartition, times);
    if (times > MAX_DISAGREEMENTS) {
      const reason = `${topicPartition} is applied up to ${nextOffset}, but its log goes from ${batch.from} to ${batch.endOffset}`;
      throw new AppError('TOPIC_MISMATCH', reason, { retriable: false });
    }
    goTo(batch, nextOffset);
  };
  return {
    /** The partition's batch followed its checkpoint. */
    agreed: (topicPartition: string): void => {
      disagreements.delete(topicPartition);
    },
    /** The batch begins past the checkpoint. */
    afterGap: disagree,
    /** The checkpoint is past the batch: within the log, because another process applied more. */
    ahead: (batch: ConsumedBatch, nextOffset: bigint): void => {
      if (nextOffset > batch.endOffset) {
        disagree(batch, nextOffset);
        return;
      }
      disagreements.delete(nameOf(batch));
      goTo(batch, nextOffset);
    },
  };
}

/** Throws what the consumer is to see of an error; nothing after a revocation without an error of Kafka's. */
function throwUnlessRevoked(error: unknown, logger: Logger): void {
  if (error instanceof PartitionRevoked) {
    if (error.cause !== undefined) throw error.cause;
    return;
  }
  if (error instanceof MembershipLost) throw error;
  if (error instanceof AppError && error.code === 'TOPIC_MISMATCH') throw error;
  logger.fatal(
    { code: codeOf(error), err: withoutRows(error) },
    'unexpected failure: nothing was committed, the projector stops',
  );
  throw new Error(reasonOf(error));
}

// The message of a database error repeats the whole statement, people's ids included.
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { stack = '', name } = error;
  return { name, reason: reasonOf(error), stack: stack.slice(stack.indexOf('\n    at ')) };
}
