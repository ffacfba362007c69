// Writes batches of events to the log: one send at a time, and the same batch again through a new
// producer until the log acknowledges it, or says that it never will.
import { recordNameOf } from '../../contracts/event-record.ts';
import type { Position } from '../../contracts/position.ts';
import { destinationOf } from '../../contracts/topics.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { AppError } from '../../platform/errors.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import { partitionOfKey } from '../../platform/kafka/partitioner.ts';
import type { Logger } from '../../platform/logger.ts';
import type { OpenEpoch } from '../gate/compare-gate.ts';
import { createLogProducer } from './log-producer.ts';
import type { PreparedEvent } from './prepared-event.ts';

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
  /** Since when the log does not acknowledge (ms since 1970); null while it does. */
  failingSince(): number | null;
  close(): Promise<void>;
};

type LogWriterOptions = {
  /** A client for one producer; each producer is given up with its client. */
  createClient: () => KafkaClient;
  codec: EventCodec;
  topicPrefix: string;
  /** What the gate was last open for. */
  lastOpen: () => Pick<OpenEpoch, 'epoch' | 'partitions'> | null;
  sendTimeoutMs: number;
  logger: Logger;
};

const RETRY: Backoff = { firstMs: 50, factor: 2, maxMs: 2_000 };

/** A writer with its first producer connected. */
export async function createLogWriter(options: LogWriterOptions): Promise<LogWriter> {
  const { codec, logger } = options;
  const closing = new AbortController();
  const producer = await createLogProducer(options);
  let failingSince: number | null = null;
  let sending = false;
  let batches = 0;

  const sendUntilAcknowledged = async (
    batch: readonly PreparedEvent[],
  ): Promise<Position[] | null> => {
    for (let attempt = 0; !closing.signal.aborted; attempt += 1) {
      const outcome = await producer.send(batch, closing.signal);
      // Also a refusal is an answer: the log works.
      if (outcome.kind !== 'unknown') failingSince = null;
      if (outcome.kind === 'acknowledged') return outcome.positions;
      producer.discard();
      const { kind, reason } = outcome;
      if (kind === 'refused') throw new AppError('EVENT_REFUSED', reason, { retriable: false });
      failingSince ??= Date.now();
      logger.warn(
        { events: batch.length, attempt, reason },
        'the log did not acknowledge a batch; the same batch is sent again',
      );
      await pause(backoffMs(RETRY, attempt), closing.signal);
    }
    return null;
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
      try {
        return await sendUntilAcknowledged(batch);
      } finally {
        sending = false;
      }
    },
    failingSince: () => failingSince,
    close: async () => {
      closing.abort(new Error('the writer is closed'));
      if (!sending) await producer.disconnect();
      producer.discard();
    },
  };
}
