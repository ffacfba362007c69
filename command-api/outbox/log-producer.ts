// Sends batches to Kafka, one attempt at a time. A producer that failed is given up with its client:
// what became of the failed send is unknown, and kafkajs gives its sequence numbers back, so a second
// send through the same producer could be taken for a repeat of the first, and dropped.
import { Partitioners, type Producer } from 'kafkajs';
import type { Position } from '../../contracts/position.ts';
import { withDeadline } from '../../platform/deadline.ts';
import type { EndableKafka } from '../../platform/kafka/client.ts';
import type { PreparedEvent } from './prepared-event.ts';

export type LogProducer = {
  /**
   * Sends a batch, acknowledged by all in-sync replicas.
   * @returns the position of each event, in the order of the batch
   * @throws Error of kafkajs, or one of our own when no acknowledgement came in time or `signal` aborted
   */
  send(batch: readonly PreparedEvent[], signal: AbortSignal): Promise<Position[]>;
  /** Gives the producer up; the next send makes a new one. */
  discard(): void;
  disconnect(): Promise<void>;
};

type LogProducerOptions = {
  /** A client for one producer; each producer is given up with its client. */
  createClient: () => EndableKafka;
  topicPrefix: string;
  sendTimeoutMs: number;
};

/** A sender whose first producer is connected. */
export async function createLogProducer(options: LogProducerOptions): Promise<LogProducer> {
  const { topicPrefix, sendTimeoutMs } = options;
  let current: { client: EndableKafka; producer: Producer } | undefined = open(options);
  await current.producer.connect();
  return {
    send: async (batch, signal) => {
      current ??= open(options);
      const { producer } = current;
      const topicMessages = toTopicMessages(batch, topicPrefix);
      const sent = producer.connect().then(() => producer.sendBatch({ acks: -1, topicMessages }));
      const acknowledged = await withDeadline(
        unlessAborted(sent, signal),
        sendTimeoutMs,
        () => new Error(`no acknowledgement in ${sendTimeoutMs} ms`),
      );
      return positionsOf(batch, topicPrefix, acknowledged);
    },
    discard: () => {
      current?.client.end();
      current = undefined;
    },
    disconnect: async () => current?.producer.disconnect(),
  };
}

function open({ createClient }: LogProducerOptions): { client: EndableKafka; producer: Producer } {
  const client = createClient();
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
  });
  return { client, producer };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new Error('the writer is closed'));
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
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
// it in the order in which they were given. kafkajs leaves out, without an error, what goes to a
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
