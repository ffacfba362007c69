// One batch as Kafka hands it over: cut, applied, and its partition sought anew where the log and the
// checkpoint disagree.
import { topicPartitionOf } from '../../contracts/position.ts';
import { AppError } from '../../platform/errors.ts';
import { type ConsumedBatch, MembershipLost } from '../../platform/kafka/consumer.ts';
import type { Logger } from '../../platform/logger.ts';
import { type ConsumedRecord, toConsumedRecord } from '../consumed-record.ts';
import { codeOf, reasonOf } from '../failures.ts';
import type { ApplyBatch } from './apply-batch.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import { type BatchLimits, cutBatch } from './cut-batch.ts';
import { createPartitionLease, type PartitionLease, PartitionRevoked } from './partition-lease.ts';
import type { Progress } from './progress.ts';
import type { AppliedOffset } from './watch-checkpoints.ts';

export type BatchConsumerParts = {
  /** The consumer's name in health answers and logs. */
  name: string;
  topicPrefix: string;
  limits: BatchLimits;
  applyBatch: ApplyBatch;
  consumerHealth: Pick<ConsumerHealth, 'active'>;
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

  const consumeBatch = async (batch: ConsumedBatch, lease: PartitionLease): Promise<void> => {
    const { partition, endOffset } = batch;
    const topic = batch.topic.slice(parts.topicPrefix.length);
    const topicPartition = topicPartitionOf(topic, partition);
    for (const some of cutBatch(batch.records, limits)) {
      if (!batch.isCurrent()) return;
      const records = some.map((record) => toConsumedRecord(topic, record));
      const outcome = await applyBatch(records as [ConsumedRecord, ...ConsumedRecord[]], lease);
      consumerHealth.active(name);
      const { nextOffset } = outcome;
      if (outcome.kind === 'gap') return checkpointSeek.afterGap(batch, nextOffset);
      progress.advanced(topicPartition, outcome.counts, nextOffset, endOffset);
      const last = records.at(-1)?.offset ?? 0n;
      if (nextOffset > last + 1n) return checkpointSeek.ahead(batch, nextOffset);
      checkpointSeek.agreed(topicPartition);
      applied.set(topicPartition, { topic, partition, nextOffset });
      batch.done(last);
      await batch.heartbeat();
    }
    await batch.commit(batch.nextOffset);
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
      const reason = `${topicPartition} is applied up to ${nextOffset}, but its log goes from ${batch.records[0]?.offset} to ${batch.endOffset}`;
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
