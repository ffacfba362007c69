// Batches of events to Kafka: one send at a time, acknowledged by all in-sync replicas, and the same
// batch again through a new producer until the log has it, or says that it never will.
import { Partitioners, type Producer } from 'kafkajs';
import { recordNameOf } from '../../contracts/event-record.ts';
import type { Position } from '../../contracts/position.ts';
import { destinationOf, type EventTopic } from '../../contracts/topics.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import type { EndableKafka } from '../../platform/kafka/client.ts';
import { partitionOfKey } from '../../platform/kafka/partitioner.ts';
import type { Logger } from '../../platform/logger.ts';
import type { OpenEpoch } from '../gate/gate.ts';

/** An event with its bytes and its place, ready to be sent any number of times. */
export type PreparedEvent = {
  event: CouponEvent;
  topic: EventTopic;
  partition: number;
  key: string;
  value: Buffer;
  traceparent: string | null;
};

export type LogWriter = {
  /** How many batches were begun. */
  batches(): number;
  /**
   * The event with its place, among the partitions that its epoch's gate was opened for: a partition
   * that was added since holds no marker of that epoch, and what stands there is fenced.
   * @returns null when the gate was last open for another epoch, or for none
   */
  prepare(event: CouponEvent, traceparent: string | null): PreparedEvent | null;
  /**
   * Sends the batch until the brokers have acknowledged it, however long that takes.
   * @returns the position of each event, in the order of the batch; null when the writer was closed first
   * @throws AppError EVENT_REFUSED (not retriable) when the log can never accept one of the events;
   * others of the batch may be in the log then
   */
  write(batch: readonly PreparedEvent[]): Promise<Position[] | null>;
  /** When the log last acknowledged anything, and since when it fails; for readiness. */
  failingSince(): number | null;
  close(): Promise<void>;
};

type LogWriterOptions = {
  /** A client for one producer; each producer is given up with its client. */
  createClient: () => EndableKafka;
  codec: EventCodec;
  topicPrefix: string;
  /** What the gate was last open for. */
  lastOpen: () => Pick<OpenEpoch, 'epoch' | 'partitions'> | null;
  sendTimeoutMs: number;
  logger: Logger;
};

const RETRY: Backoff = { firstMs: 50, factor: 2, maxMs: 2_000 };
/** Kafka's names for what is wrong with the records themselves: no waiting mends that. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);

/** A writer with its first producer connected. */
export async function createLogWriter(options: LogWriterOptions): Promise<LogWriter> {
  const { codec, topicPrefix, logger } = options;
  const closing = new AbortController();
  let failingSince: number | null = null;
  let sending = false;
  let batches = 0;
  let line: ProducerLine | undefined = createLine(options.createClient());
  await line.producer.connect();

  const sendOnce = async (batch: readonly PreparedEvent[]): Promise<Position[]> => {
    line ??= createLine(options.createClient());
    const { producer } = line;
    const limit = Promise.withResolvers<never>();
    const giveUp = (reason: string) => () => limit.reject(new Error(reason));
    const whenClosing = giveUp('the writer is closed');
    closing.signal.addEventListener('abort', whenClosing);
    const timer = setTimeout(
      giveUp(`no acknowledgement in ${options.sendTimeoutMs} ms`),
      options.sendTimeoutMs,
    );
    try {
      const sent = producer
        .connect()
        .then(() =>
          producer.sendBatch({ acks: -1, topicMessages: toTopicMessages(batch, topicPrefix) }),
        );
      return positionsOf(batch, topicPrefix, await Promise.race([sent, limit.promise]));
    } finally {
      clearTimeout(timer);
      closing.signal.removeEventListener('abort', whenClosing);
    }
  };

  // What became of the failed send is unknown, and kafkajs gives its sequence numbers back: a second
  // send through the same producer could be taken for a repeat of the first, and dropped.
  const discardLine = (): void => {
    line?.client.end();
    line = undefined;
  };

  return {
    batches: () => batches,
    prepare: (event, traceparent) => {
      const { topic, key } = destinationOf(event);
      const open = options.lastOpen();
      if (open?.epoch !== event.epoch) return null;
      const partition = partitionOfKey(key, open.partitions[topic]);
      const value = codec.encode(topic, recordNameOf(event), event);
      return { event, topic, partition, key, value, traceparent };
    },
    write: async (batch) => {
      sending = true;
      batches += 1;
      const refusedBy = (cause: Error): AppError => {
        // An answer, if not a good one: the log works.
        failingSince = null;
        discardLine();
        return new AppError('EVENT_REFUSED', cause.message, { cause, retriable: false });
      };
      try {
        for (let attempt = 0; !closing.signal.aborted; attempt += 1) {
          try {
            const positions = await sendOnce(batch);
            failingSince = null;
            return positions;
          } catch (error) {
            if (isRefusal(error)) throw refusedBy(error);
            failingSince ??= Date.now();
            logger.warn(
              { events: batch.length, attempt, reason: messageOf(error) },
              'the log did not acknowledge a batch; the same batch goes out again',
            );
            discardLine();
            await pause(backoffMs(RETRY, attempt), closing.signal);
          }
        }
        return null;
      } finally {
        sending = false;
      }
    },
    failingSince: () => failingSince,
    close: async () => {
      closing.abort();
      if (!sending) await line?.producer.disconnect();
      discardLine();
    },
  };
}

/** A producer and the client that is its alone. */
type ProducerLine = { client: EndableKafka; producer: Producer };

function createLine(client: EndableKafka): ProducerLine {
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
  });
  return { client, producer };
}

type TopicMessages = NonNullable<Parameters<Producer['sendBatch']>[0]['topicMessages']>;

function toTopicMessages(batch: readonly PreparedEvent[], topicPrefix: string): TopicMessages {
  const byTopic = Map.groupBy(batch, ({ topic }) => topic);
  return [...byTopic].map(([topic, events]) => ({
    topic: topicPrefix + topic,
    messages: events.map(({ key, value, partition, traceparent }) => ({
      key,
      value,
      partition,
      ...(traceparent === null ? {} : { headers: { traceparent } }),
    })),
  }));
}

// The broker answers with the first offset of each partition's part of the batch; the events follow
// it in the order in which they were given. kafkajs leaves out, and does not tell, what goes to a
// partition that it does not know of yet: the next client asks the brokers anew.
function positionsOf(
  batch: readonly PreparedEvent[],
  topicPrefix: string,
  acknowledged: readonly { topicName: string; partition: number; baseOffset?: string }[],
): Position[] {
  const next = new Map<string, bigint>();
  for (const { topicName, partition, baseOffset } of acknowledged) {
    if (baseOffset === undefined) throw new Error(`no offset for ${topicName}/${partition}`);
    next.set(`${topicName}/${partition}`, BigInt(baseOffset));
  }
  return batch.map(({ topic, partition }) => {
    const place = `${topicPrefix}${topic}/${partition}`;
    const offset = next.get(place);
    if (offset === undefined) throw new Error(`no acknowledgement for ${place}`);
    next.set(place, offset + 1n);
    return { topic, partition, offset };
  });
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'type' in error && REFUSALS.has(error.type);
}
