// A member of a consumer group: batches of the partitions that the group gives it, and its life as
// events of ours.
import kafkajs, { type Consumer, type EachBatchPayload } from 'kafkajs';
import { messageOf } from '../errors.ts';
import { type KafkaClient, METADATA_AGE_MS } from './client.ts';
import type { FetchedBatch } from './kafkajs-internals.ts';
import { kafkajsOf } from './kafkajs-of.ts';
import { type RecordBatch, toRecordBatch } from './record.ts';

/** What happens to a consumer. */
export type ConsumerEvent =
  /** It is in the group, and holds these partitions. */
  | { kind: 'joined'; assignment: { topic: string; partition: number }[] }
  /** The group shares its partitions out anew: those that it held are not its own any more. */
  | { kind: 'revoked' }
  /** The group took its heartbeat. */
  | { kind: 'heartbeat' }
  /** It asked for something, or was answered: the loop turns. */
  | { kind: 'active' }
  /** It failed. `restarts`: it begins anew by itself; else it has ended for good. */
  | { kind: 'crashed'; reason: string; restarts: boolean }
  /** It has left the group, or lost its connections. */
  | { kind: 'stopped' };

/**
 * What the group answered to a heartbeat or a commit when the consumer is not its member any more.
 * Thrown on by a handler, it makes the consumer join again.
 */
export class MembershipLost extends Error {
  constructor(cause: unknown) {
    super(`the group does not know this consumer any more: ${messageOf(cause)}`, { cause });
    this.name = 'MembershipLost';
  }
}

/** What the log has in a range of one partition; never an empty range, unless what follows can't be read. */
export type ConsumedBatch = RecordBatch & {
  /** The offset that the next record of the partition will get. */
  endOffset: bigint;
  /** Does the consumer still go on from here? Not after it stopped, nor after a seek in this partition. */
  isCurrent(): boolean;
  /** All records up to this offset were dealt with: after a failure it goes on behind it. */
  done(offset: bigint): void;
  /** Tells the group that the consumer is alive. @throws MembershipLost */
  heartbeat(): Promise<void>;
  /** Leaves with the group that the consumer got as far as `nextOffset`. @throws MembershipLost */
  commit(nextOffset: bigint): Promise<void>;
};

export type GroupConsumer = {
  /** Joins the group. @throws when the brokers can't be reached, or a topic is not there */
  start(): Promise<void>;
  /** Goes on at `offset` in a partition that it holds; batches under way are not current any more. */
  seek(topic: string, partition: number, offset: bigint): void;
  /** Waits for the batches under way, and leaves the group. */
  close(): Promise<void>;
};

export type ConsumerOptions = {
  groupId: string;
  /** Physical names. Read from their first records on where the group knows of no offset. */
  topics: readonly string[];
  /** A member that was killed is given up after this: so long its partitions stand still. */
  sessionTimeoutMs: number;
  heartbeatIntervalMs: number;
  /** An idle fetch returns after this, and so does a stop. */
  fetchWaitMs: number;
  partitionsAtOnce: number;
  /** Called for one batch of a partition at a time. What it throws, but for MembershipLost, ends the consumer. */
  onBatch: (batch: ConsumedBatch) => Promise<void>;
  onEvent: (event: ConsumerEvent) => void;
};

/** A consumer, not started yet. Nothing is committed but by `commit`. */
export function createConsumer(client: KafkaClient, options: ConsumerOptions): GroupConsumer {
  const consumer = kafkajsOf(client).consumer({
    groupId: options.groupId,
    sessionTimeout: options.sessionTimeoutMs,
    heartbeatInterval: options.heartbeatIntervalMs,
    maxWaitTimeInMs: options.fetchWaitMs,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_AGE_MS,
    // docs/adr/0017: it goes to the end of the log, not to that of the oldest open transaction.
    readUncommitted: true,
  });
  tellEvents(consumer, options.onEvent);
  return {
    start: async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: options.partitionsAtOnce,
        eachBatch: (payload) => handle(payload, options.onBatch),
      });
    },
    seek: (topic, partition, offset) => {
      consumer.seek({ topic, partition, offset: String(offset) });
    },
    close: () => consumer.disconnect(),
  };
}

function tellEvents(consumer: Consumer, tell: (event: ConsumerEvent) => void): void {
  const { events } = consumer;
  for (const event of [events.FETCH_START, events.FETCH, events.HEARTBEAT, events.REQUEST]) {
    consumer.on(event, () => tell({ kind: 'active' }));
  }
  consumer.on(events.HEARTBEAT, () => tell({ kind: 'heartbeat' }));
  consumer.on(events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    const assignment = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    tell({ kind: 'joined', assignment });
  });
  consumer.on(events.REBALANCING, () => tell({ kind: 'revoked' }));
  for (const event of [events.STOP, events.DISCONNECT]) {
    consumer.on(event, () => tell({ kind: 'stopped' }));
  }
  consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
    tell({ kind: 'crashed', reason: messageOf(error), restarts: restart });
  });
}

async function handle(
  payload: EachBatchPayload,
  onBatch: ConsumerOptions['onBatch'],
): Promise<void> {
  try {
    await onBatch(toConsumedBatch(payload));
  } catch (error) {
    // kafkajs joins again when its own error comes back to it, and ends at one that it may not retry.
    if (error instanceof MembershipLost) throw error.cause;
    throw new kafkajs.KafkaJSNonRetriableError(messageOf(error));
  }
}

function toConsumedBatch(payload: EachBatchPayload): ConsumedBatch {
  const { batch } = payload;
  const { topic, partition } = batch;
  return {
    // kafkajs' types leave out where its fetch began.
    ...toRecordBatch(batch as unknown as FetchedBatch),
    endOffset: BigInt(batch.highWatermark),
    isCurrent: () => payload.isRunning() && !payload.isStale(),
    done: (offset) => payload.resolveOffset(String(offset)),
    heartbeat: () => asMember(() => payload.heartbeat()),
    commit: (nextOffset) =>
      asMember(() => {
        const partitions = [{ partition, offset: String(nextOffset) }];
        return payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] });
      }),
  };
}

async function asMember(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (cause) {
    throw new MembershipLost(cause);
  }
}
