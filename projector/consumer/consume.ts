// A consumer: joins its group and goes on from MySQL's checkpoints. The offsets that Kafka's group keeps
// are a hint, for tools that show lag and for a quick start.
import { topicPartitionOf } from '../../contracts/position.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { type ConsumerEvent, createConsumer } from '../../platform/kafka/consumer.ts';
import { reasonOf } from '../failures.ts';
import { type BatchConsumerParts, createBatchConsumer } from './consume-batch.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import { type AppliedOffset, watchCheckpoints } from './watch-checkpoints.ts';

type ConsumerParts = Omit<BatchConsumerParts, 'seek' | 'applied' | 'closing'> & {
  kafka: KafkaClient;
  groupId: string;
  /** Logical names. */
  topics: readonly string[];
  partitionsAtOnce: number;
  /** The checkpoint of a partition. */
  readNextOffset: (topic: string, partition: number) => Promise<bigint>;
  consumerHealth: ConsumerHealth;
  /** Called once, when this consumer can't go on: the process has to end. */
  fail: (reason: string) => void;
};

/** A member that was killed is given up after this: so long its partitions stand still. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 2_000;
/** An idle fetch returns after this, and so does a stop. */
const FETCH_WAIT_MS = 1_000;
type Assignment = readonly { topic: string; partition: number }[];

const SEEK_BACKOFF: Backoff = { firstMs: 1_000, factor: 2, maxMs: 30_000 };

/**
 * Joins the group and consumes until closed.
 * @returns what ends it: the batches under way are finished, then it leaves the group
 * @throws when Kafka can't be reached, or a topic is not there
 */
export async function startConsumer(parts: ConsumerParts): Promise<() => Promise<void>> {
  const { kafka, topics, topicPrefix } = parts;
  const closing = new AbortController();
  const applied = new Map<string, AppliedOffset>();
  const seek = (topic: string, partition: number, offset: bigint): void =>
    consumer.seek(topicPrefix + topic, partition, offset);
  const seekCheckpoints = createCheckpointSeek(parts, seek, closing.signal);
  const consumer = createConsumer(kafka, {
    groupId: parts.groupId,
    topics: topics.map((topic) => topicPrefix + topic),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    fetchWaitMs: FETCH_WAIT_MS,
    partitionsAtOnce: parts.partitionsAtOnce,
    onBatch: createBatchConsumer({ ...parts, seek, applied, closing: closing.signal }),
    onEvent: (event) => {
      reportHealth(event, parts);
      if (event.kind !== 'joined') return;
      // How far this process was before is out of date: other processes went on from there.
      applied.clear();
      void seekCheckpoints(event.assignment);
    },
  });
  await consumer.start();
  const endWatch = watchCheckpoints({
    ...parts,
    applied,
    goTo: ({ topic, partition, nextOffset }) => {
      applied.delete(topicPartitionOf(topic, partition));
      seek(topic, partition, nextOffset);
    },
  });
  return async () => {
    closing.abort();
    endWatch();
    await consumer.close();
  };
}

function reportHealth(
  event: ConsumerEvent,
  { name, consumerHealth, logger, fail }: ConsumerParts,
): void {
  switch (event.kind) {
    case 'active':
      consumerHealth.active(name);
      break;
    case 'heartbeat':
      consumerHealth.heartbeatAccepted(name);
      break;
    case 'joined':
      consumerHealth.joined(name, true);
      break;
    case 'revoked':
    case 'stopped':
      consumerHealth.joined(name, false);
      break;
    case 'crashed': {
      const { reason, restarts } = event;
      consumerHealth.active(name);
      consumerHealth.joined(name, false);
      logger.warn({ consumer: name, reason, restart: restarts }, 'consumer crashed');
      if (!restarts) fail(`the consumer of ${name} ended: ${reason}`);
    }
  }
}

/**
 * Goes to the checkpoints after each join. Behind them, Kafka's offset only costs time. Ahead of
 * them (another database, one restored from a backup), and with nothing new in the log to give it
 * away, records in between would stay unapplied unnoticed.
 * @returns a function that goes there, in these partitions (of physical topics); never rejects
 */
function createCheckpointSeek(
  { topicPrefix, readNextOffset, logger }: ConsumerParts,
  seek: (topic: string, partition: number, offset: bigint) => void,
  closing: AbortSignal,
): (assignment: Assignment) => Promise<void> {
  let joins = 0;
  const seekAll = async (assignment: Assignment, join: number): Promise<void> => {
    for (const { topic: physicalTopic, partition } of assignment) {
      const topic = physicalTopic.slice(topicPrefix.length);
      const offset = await readNextOffset(topic, partition);
      if (join !== joins || closing.aborted) return;
      seek(topic, partition, offset);
    }
  };
  return async (assignment) => {
    joins += 1;
    const join = joins;
    for (let attempt = 0; join === joins && !closing.aborted; attempt += 1) {
      try {
        await seekAll(assignment, join);
        return;
      } catch (error) {
        logger.warn({ reason: reasonOf(error) }, "the checkpoints can't be read: trying again");
        await pause(backoffMs(SEEK_BACKOFF, attempt), closing);
      }
    }
  };
}
