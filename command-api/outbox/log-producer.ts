// Sends batches to Kafka, one attempt at a time. A producer whose send was not acknowledged is given up
// with its client, at once: not one byte of that send leaves it later.
import type { Position } from '../../contracts/position.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import {
  createProducer,
  type RecordProducer,
  type RecordToSend,
} from '../../platform/kafka/producer.ts';
import type { PreparedEvent } from './prepared-event.ts';

/** What became of one attempt to send a batch. */
type BatchOutcome =
  /** The position of each event, in the order of the batch. */
  | { kind: 'acknowledged'; positions: Position[] }
  /** The log can never accept one of the events; others of the batch may be in the log. */
  | { kind: 'refused'; reason: string }
  /** Each event may be in the log, or not. */
  | { kind: 'unknown'; reason: string };

export type LogProducer = {
  /** Sends a batch, acknowledged by all in-sync replicas. Never throws. */
  send(batch: readonly PreparedEvent[], signal: AbortSignal): Promise<BatchOutcome>;
  /** Gives the producer up; the next send makes a new one. */
  discard(): void;
  disconnect(): Promise<void>;
};

type LogProducerOptions = {
  /** A client for one producer; each producer is given up with its client. */
  createClient: () => KafkaClient;
  topicPrefix: string;
  sendTimeoutMs: number;
};

/**
 * A sender whose first producer is connected.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function createLogProducer(options: LogProducerOptions): Promise<LogProducer> {
  const { topicPrefix, sendTimeoutMs: timeoutMs } = options;
  let current: { client: KafkaClient; producer: RecordProducer } | undefined = open(options);
  await current.producer.connect();
  return {
    send: async (batch, signal) => {
      current ??= open(options);
      const records = batch.map((event) => toRecord(event, topicPrefix));
      const outcome = await current.producer.send(records, { timeoutMs, signal });
      if (outcome.kind !== 'acknowledged') return outcome;
      const positions = batch.map(({ topic, partition }, n) => {
        return { topic, partition, offset: outcome.offsets[n] as bigint };
      });
      return { kind: 'acknowledged', positions };
    },
    discard: () => {
      current?.client.end();
      current = undefined;
    },
    disconnect: async () => current?.producer.close(),
  };
}

function open({ createClient }: LogProducerOptions) {
  const client = createClient();
  return { client, producer: createProducer(client, { idempotent: true }) };
}

function toRecord(
  { topic, partition, key, value, traceparent }: PreparedEvent,
  topicPrefix: string,
): RecordToSend {
  const headers = traceparent === null ? {} : { traceparent };
  return { topic: topicPrefix + topic, partition, key, value, headers };
}
