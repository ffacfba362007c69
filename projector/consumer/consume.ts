// A consumer: joins its group and goes on from MySQL's checkpoints. The offsets that Kafka's group keeps
// are a hint, for tools that show lag and for a quick start.
import type { Consumer, Kafka } from 'kafkajs';
import { topicPartitionOf } from '../../contracts/position.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { METADATA_AGE_MS } from '../../platform/kafka/client.ts';
import { reasonOf } from '../failures.ts';
import { type BatchConsumerParts, createBatchConsumer } from './consume-batch.ts';
import type { ConsumerHealth } from './consumer-health.ts';
import { type AppliedOffset, watchCheckpoints } from './watch-checkpoints.ts';

type ConsumerParts = Omit<BatchConsumerParts, 'seek' | 'applied' | 'closing'> & {
  kafka: Kafka;
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
const SEEK_BACKOFF: Backoff = { firstMs: 1_000, factor: 2, maxMs: 30_000 };

/**
 * Joins the group and consumes until closed.
 * @returns what ends it: the batches under way are finished, then it leaves the group
 * @throws when Kafka can't be reached, or a topic is not there
 */
export async function startConsumer(parts: ConsumerParts): Promise<() => Promise<void>> {
  const { kafka, topics, topicPrefix } = parts;
  const consumer = kafka.consumer({
    groupId: parts.groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_AGE_MS,
  });
  const closing = new AbortController();
  const applied = new Map<string, AppliedOffset>();
  reportHealth(consumer, parts);
  seekAtJoin(consumer, parts, closing.signal);
  // How far this process was before a rebalance is out of date: other processes went on from there.
  consumer.on(consumer.events.GROUP_JOIN, () => applied.clear());
  await consumer.connect();
  await consumer.subscribe({
    topics: topics.map((topic) => topicPrefix + topic),
    fromBeginning: true,
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: parts.partitionsAtOnce,
    eachBatch: createBatchConsumer({
      ...parts,
      seek: (place) => consumer.seek(place),
      applied,
      closing: closing.signal,
    }),
  });
  const endWatch = watchCheckpoints({
    ...parts,
    applied,
    goTo: ({ topic, partition, nextOffset }) => {
      applied.delete(topicPartitionOf(topic, partition));
      const offset = String(nextOffset);
      consumer.seek({ topic: topicPrefix + topic, partition, offset });
    },
  });
  return async () => {
    closing.abort();
    endWatch();
    await consumer.disconnect();
  };
}

function reportHealth(
  consumer: Consumer,
  { name, consumerHealth, logger, fail }: ConsumerParts,
): void {
  const { events } = consumer;
  for (const event of [events.FETCH_START, events.FETCH, events.HEARTBEAT, events.REQUEST]) {
    consumer.on(event, () => consumerHealth.active(name));
  }
  consumer.on(events.HEARTBEAT, () => consumerHealth.heartbeatAccepted(name));
  consumer.on(events.GROUP_JOIN, () => consumerHealth.joined(name, true));
  for (const event of [events.REBALANCING, events.STOP, events.DISCONNECT]) {
    consumer.on(event, () => consumerHealth.joined(name, false));
  }
  consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
    consumerHealth.active(name);
    consumerHealth.joined(name, false);
    logger.warn({ consumer: name, reason: reasonOf(error), restart }, 'consumer crashed');
    if (!restart) fail(`the consumer of ${name} ended: ${reasonOf(error)}`);
  });
}

/**
 * Goes to the checkpoints after each join. Behind them, Kafka's offset only costs time. Ahead of
 * them (another database, one restored from a backup), and with nothing new in the log to give it
 * away, records in between would stay unapplied unnoticed.
 */
function seekAtJoin(
  consumer: Consumer,
  { topicPrefix, readNextOffset, logger }: ConsumerParts,
  closing: AbortSignal,
): void {
  let joins = 0;
  const seekAll = async (assignment: Record<string, number[]>, join: number): Promise<void> => {
    for (const [physicalTopic, partitions] of Object.entries(assignment)) {
      const topic = physicalTopic.slice(topicPrefix.length);
      for (const partition of partitions) {
        const offset = await readNextOffset(topic, partition);
        if (join !== joins || closing.aborted) return;
        consumer.seek({ topic: physicalTopic, partition, offset: String(offset) });
      }
    }
  };
  consumer.on(consumer.events.GROUP_JOIN, async ({ payload: { memberAssignment } }) => {
    joins += 1;
    const join = joins;
    for (let attempt = 0; join === joins && !closing.aborted; attempt += 1) {
      try {
        await seekAll(memberAssignment, join);
        return;
      } catch (error) {
        logger.warn({ reason: reasonOf(error) }, "the checkpoints can't be read: trying again");
        await pause(backoffMs(SEEK_BACKOFF, attempt), closing);
      }
    }
  });
}
