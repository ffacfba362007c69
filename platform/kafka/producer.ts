// Writing records: sent at once, acknowledged by all in-sync replicas, or told why not.
import { type IHeaders, Partitioners, type Producer, type TopicMessages } from 'kafkajs';
import { withDeadline } from '../deadline.ts';
import { AppError, messageOf } from '../errors.ts';
import { disconnectSoon, type KafkaClient, METADATA_AGE_MS } from './client.ts';
import { kafkajsOf } from './kafkajs-of.ts';
import type { RecordHeaders } from './record.ts';

/** A record on its way to the log. `topic` is its physical name. */
export type RecordToSend = {
  topic: string;
  partition: number;
  key?: Buffer | string | null;
  value: Buffer | string | null;
  headers?: RecordHeaders;
};

/** What became of the records of one send. */
export type SendOutcome =
  /** All in-sync replicas have them; `offsets` are in the order in which they were given. */
  | { kind: 'acknowledged'; offsets: bigint[] }
  /** The log can never accept one of them as it is; others of the same send may be in the log. */
  | { kind: 'refused'; reason: string }
  /** Each of them may be in the log, or come to be, or not. */
  | { kind: 'unknown'; reason: string };

type SendLimits = {
  /** Connecting included. */
  timeoutMs: number;
  /** The outcome is unknown as soon as it aborts; its reason is told. */
  signal?: AbortSignal;
};

export type RecordProducer = {
  /** @throws AppError KAFKA_UNAVAILABLE (retriable) */
  connect(): Promise<void>;
  /** Sends all of them at once; connects first when it is not connected. Never throws. */
  send(records: readonly RecordToSend[], limits: SendLimits): Promise<SendOutcome>;
  close(): Promise<void>;
};

export type ProducerOptions = {
  /**
   * Each record is in the log at most once for each send, and one send at a time is under way. After an
   * unknown outcome the producer is to be given up: kafkajs gives the sequence numbers of that send back,
   * and what is sent next could be taken for a repeat of it, and dropped.
   */
  idempotent?: boolean;
  /** How often kafkajs tries again by itself. */
  retries?: number;
};

/**
 * Kafka's names for what is wrong with the records themselves: no waiting mends that. INVALID_TIMESTAMP is
 * not one of them: it is said of a clock, and of a topic that does not take the brokers' time.
 */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
]);

/** A producer, not connected yet. */
export function createProducer(
  client: KafkaClient,
  { idempotent = false, retries = 3 }: ProducerOptions = {},
): RecordProducer {
  const producer = kafkajsOf(client).producer({
    idempotent,
    ...(idempotent ? { maxInFlightRequests: 1 } : {}),
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_AGE_MS,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries },
  });
  return {
    connect: async () => {
      try {
        await producer.connect();
      } catch (cause) {
        throw new AppError('KAFKA_UNAVAILABLE', `a producer: ${messageOf(cause)}`, {
          cause,
          retriable: true,
        });
      }
    },
    send: async (records, limits) => {
      try {
        return { kind: 'acknowledged', offsets: await sendWithin(producer, records, limits) };
      } catch (error) {
        const kind = isRefusal(error) ? 'refused' : 'unknown';
        return { kind, reason: messageOf(error) };
      }
    },
    close: () => disconnectSoon(producer),
  };
}

/**
 * The offsets of an acknowledged send, for those who treat every other outcome alike.
 * @throws AppError KAFKA_UNAVAILABLE (retriable), the reason behind `what`
 */
export function demandOffsets(outcome: SendOutcome, what: string): bigint[] {
  if (outcome.kind === 'acknowledged') return outcome.offsets;
  const message = `${what}: ${outcome.reason}`;
  throw new AppError('KAFKA_UNAVAILABLE', message, { retriable: true });
}

async function sendWithin(
  producer: Producer,
  records: readonly RecordToSend[],
  { timeoutMs, signal }: SendLimits,
): Promise<bigint[]> {
  signal?.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener('abort', abort);
  const topicMessages = toTopicMessages(records);
  const sent = producer
    .connect()
    .then(() => producer.sendBatch({ acks: -1, timeout: timeoutMs, topicMessages }));
  try {
    const acknowledged = await withDeadline(
      Promise.race([sent, aborted.promise]),
      timeoutMs,
      () => new Error(`no acknowledgement in ${timeoutMs} ms`),
    );
    return offsetsOf(records, acknowledged);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function toTopicMessages(records: readonly RecordToSend[]): TopicMessages[] {
  return [...Map.groupBy(records, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    messages: ofTopic.map(({ partition, key = null, value, headers }) => ({
      ...{ partition, key, value },
      // A header without a value is one that kafkajs' types don't know: record-format.ts writes it.
      ...(headers === undefined ? {} : { headers: headers as IHeaders }),
    })),
  }));
}

// The broker answers with the first offset of each partition's part of the send; the records follow it
// in the order in which they were given. kafkajs leaves out, and does not tell, what goes to a partition
// that it does not know of.
function offsetsOf(
  records: readonly RecordToSend[],
  acknowledged: readonly { topicName: string; partition: number; baseOffset?: string }[],
): bigint[] {
  const next = new Map<string, bigint>();
  for (const { topicName, partition, baseOffset } of acknowledged) {
    if (baseOffset !== undefined) next.set(`${topicName}/${partition}`, BigInt(baseOffset));
  }
  return records.map(({ topic, partition }) => {
    const place = `${topic}/${partition}`;
    const offset = next.get(place);
    if (offset === undefined) throw new Error(`no acknowledgement of ${place}`);
    next.set(place, offset + 1n);
    return offset;
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'type' in error && REFUSALS.has(error.type);
}
