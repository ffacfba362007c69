// Partitions of a log in this process, which the projector's store applies in the order that a test
// wants: within a partition always the next ones, between partitions anyhow.
import type { Knex } from 'knex';
import { toDeadLetterRecord } from '../../../contracts/dead-letter.ts';
import { topicPartitionOf } from '../../../contracts/position.ts';
import { deadLetterTopicOf } from '../../../contracts/topics.ts';
import type { LogEvent } from '../../../domain/coupon-events.ts';
import { createLogger } from '../../../platform/logger.ts';
import type { ConsumedRecord, DecodeResult } from '../../../projector/consumed-record.ts';
import { createRetryDeadLetter } from '../../../projector/dead-letters/retry-dead-letter.ts';
import { createProjectBatch } from '../../../projector/projection/project-batch.ts';
import { applyOnce, type MakeChange } from '../../../projector/projection/store.ts';
import { marker } from '../projector/support/event-log.ts';

/** `DeadLetter`: poison at its place in the log, whose event can be applied when it is tried again. */
export type Entry = { event: LogEvent; isPoison?: boolean };

export type Partitions = {
  /** Puts entries at the end of a partition. Nothing is applied yet. */
  append(topic: string, partition: number, ...entries: Entry[]): void;
  /** Applies the next `count` records (all that remain when not said) of a partition, or fewer, in one batch. */
  apply(topic: string, partition: number, count?: number): Promise<void>;
  /** How many records of a partition were not applied yet. */
  waiting(topic: string, partition: number): number;
};

/** Partitions that begin with a marker, and are applied to `db`. */
export function createPartitions(db: Knex): Partitions {
  const logs = new Map<string, DecodeResult[]>();
  const next = new Map<string, number>();
  const logger = createLogger('test', 'silent');

  const logOf = (topic: string, partition: number): DecodeResult[] => {
    const name = topicPartitionOf(topic, partition);
    const log = logs.get(name) ?? [];
    if (!logs.has(name)) {
      logs.set(name, log);
      put(topic, partition, marker(0), {});
    }
    return log;
  };
  const put = (
    topic: string,
    partition: number,
    event: LogEvent,
    { isPoison = false, headers = {} }: { isPoison?: boolean; headers?: ConsumedRecord['headers'] },
  ): void => {
    const log = logs.get(topicPartitionOf(topic, partition)) ?? [];
    const offset = BigInt(log.length);
    const record = { topic, partition, offset, key: null, value: null, headers };
    const poison = { code: 'PLANTED', reason: 'a test wants it so', attempts: 1 };
    log.push(isPoison ? { kind: 'poison', record, poison } : { kind: 'event', record, event });
    // Its dead letter can be applied: it waits in the dead letter topic.
    if (isPoison) {
      const failed = { topic, partition, offset, poison, failedAtMs: 0, highestMarker: 0 };
      const letter = toDeadLetterRecord({ ...failed, headers: {} }, { key: null, value: null });
      logOf(letter.topic, partition);
      put(letter.topic, partition, event, { headers: letter.headers });
    }
  };
  return {
    append: (topic, partition, ...entries) => {
      logOf(topic, partition);
      for (const { event, isPoison = false } of entries) put(topic, partition, event, { isPoison });
    },
    apply: async (topic, partition, count = Number.POSITIVE_INFINITY) => {
      const name = topicPartitionOf(topic, partition);
      const from = next.get(name) ?? 0;
      const [first, ...others] = logOf(topic, partition).slice(from, from + count);
      if (first === undefined) return;
      const makeChange: MakeChange = topic.endsWith(deadLetterTopicOf(''))
        ? createRetryDeadLetter(Date.now, logger)
        : createProjectBatch(async () => undefined);
      await applyOnce(db, [first, ...others], makeChange);
      next.set(name, from + 1 + others.length);
    },
    waiting: (topic, partition) =>
      (logs.get(topicPartitionOf(topic, partition)) ?? []).length -
      (next.get(topicPartitionOf(topic, partition)) ?? 0),
  };
}
