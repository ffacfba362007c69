// One batch as Kafka hands it over: cut, applied, and its partition sought anew where the log and the
// checkpoint disagree.
import kafkajs, { type Batch, type Consumer, type EachBatchPayload } from 'kafkajs';
import { topicPartitionOf } from '../../contracts/position.ts';
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
  seek: Consumer['seek'];
  /** How far this process has applied each partition (by `topicPartitionOf`); it is kept here. */
  applied: Map<string, AppliedOffset>;
  closing: AbortSignal;
};

/** So often in a row may Kafka and the checkpoint disagree about a partition. */
const MAX_DISAGREEMENTS = 3;

/**
 * The function that kafkajs calls for each batch. It resolves when the batch was applied, or when the
 * partition is left to others.
 * @throws errors of kafkajs: its own, or a non-retriable one that ends the consumer
 */
export function createBatchConsumer(
  parts: BatchConsumerParts,
): (payload: EachBatchPayload) => Promise<void> {
  const { applied, limits, applyBatch, consumerHealth, progress, name } = parts;
  const checkpointSeek = createCheckpointSeek(parts);

  const consumeBatch = async (payload: EachBatchPayload, lease: PartitionLease): Promise<void> => {
    const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
    const topic = batch.topic.slice(parts.topicPrefix.length);
    const topicPartition = topicPartitionOf(topic, batch.partition);
    const logEnd = BigInt(batch.highWatermark);
    for (const messages of cutBatch(batch.messages, limits)) {
      if (!isRunning() || isStale()) return;
      const records = messages.map((message) => toConsumedRecord(topic, batch.partition, message));
      const outcome = await applyBatch(records as [ConsumedRecord, ...ConsumedRecord[]], lease);
      consumerHealth.active(name);
      const { nextOffset } = outcome;
      if (outcome.kind === 'gap') return checkpointSeek.afterGap(batch, nextOffset);
      progress.advanced(topicPartition, outcome.counts, nextOffset, logEnd);
      const last = records.at(-1)?.offset ?? 0n;
      if (nextOffset > last + 1n) return checkpointSeek.ahead(batch, nextOffset);
      checkpointSeek.agreed(topicPartition);
      applied.set(topicPartition, { topic, partition: batch.partition, nextOffset });
      resolveOffset(String(last));
      await heartbeat();
    }
    await commitBatch(payload);
  };

  return async (payload) => {
    const { heartbeat, isRunning } = payload;
    const lease = createPartitionLease({ heartbeat, isOurs: isRunning, closing: parts.closing });
    try {
      await consumeBatch(payload, lease);
    } catch (error) {
      throwForKafka(error, parts.logger);
    }
  };
}

/**
 * Goes to the checkpoint of a partition. Kafka and the checkpoint disagree when a batch begins past the
 * checkpoint, or the checkpoint lies past the log's end. Both have the same remedy, and the same end
 * when it does not help: the log in Kafka is not the one that the rows were made from.
 */
function createCheckpointSeek({ topicPrefix, seek }: BatchConsumerParts) {
  const disagreements = new Map<string, number>();
  const nameOf = ({ topic, partition }: Batch): string =>
    topicPartitionOf(topic.slice(topicPrefix.length), partition);
  const goTo = ({ topic, partition }: Batch, nextOffset: bigint): void =>
    seek({ topic, partition, offset: String(nextOffset) });
  const disagree = (batch: Batch, nextOffset: bigint): void => {
    const topicPartition = nameOf(batch);
    const times = (disagreements.get(topicPartition) ?? 0) + 1;
    disagreements.set(topicPartition, times);
    if (times > MAX_DISAGREEMENTS) {
      throw new kafkajs.KafkaJSNonRetriableError(
        `${topicPartition} is applied up to ${nextOffset}, but its log goes from ${batch.firstOffset()} to ${batch.highWatermark}`,
      );
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
    ahead: (batch: Batch, nextOffset: bigint): void => {
      if (nextOffset > BigInt(batch.highWatermark)) {
        disagree(batch, nextOffset);
        return;
      }
      disagreements.delete(nameOf(batch));
      goTo(batch, nextOffset);
    },
  };
}

async function commitBatch({ batch, commitOffsetsIfNecessary }: EachBatchPayload): Promise<void> {
  const offset = String(BigInt(batch.lastOffset()) + 1n);
  const { topic, partition } = batch;
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
}

/** Throws what kafkajs is to see of an error; nothing after a revocation without an error of Kafka's. */
function throwForKafka(error: unknown, logger: Logger): void {
  if (error instanceof PartitionRevoked) {
    // kafkajs joins again when its own error comes back to it.
    if (error.cause !== undefined) throw error.cause;
    return;
  }
  if (isOfKafka(error)) throw error;
  logger.fatal(
    { code: codeOf(error), err: withoutRows(error) },
    'unexpected failure: nothing was committed, the projector stops',
  );
  throw new kafkajs.KafkaJSNonRetriableError(reasonOf(error));
}

function isOfKafka(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

// The message of a database error repeats the whole statement, people's ids included.
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { stack = '', name } = error;
  return { name, reason: reasonOf(error), stack: stack.slice(stack.indexOf('\n    at ')) };
}
