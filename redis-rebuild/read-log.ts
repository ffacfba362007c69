// Reading on in the event topics, from where a fold is up to stated offsets, all partitions at once.
import type { KafkaMessage } from 'kafkajs';
import { MalformedEvent, toLogEvent } from '../contracts/event-record.ts';
import type { LogEvent } from '../domain/coupon-events.ts';
import type { EventCodec } from '../platform/avro/event-codec.ts';
import { type Backoff, backoffMs, pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import { type LogBatch, scanBatches } from '../platform/kafka/log-scan.ts';
import type { Log, LogStretch } from './claim-epoch.ts';
import { foldEvent, identityOf, type LogFold, type PartitionFold } from './fold/fold.ts';

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 2_000 };
const REPORT_EVERY_MS = 1_000;

export type Reading = {
  /** How far to read, for each partition of the fold. */
  stretches: readonly LogStretch[];
  /** Looks at each event before it is folded; what it throws ends the reading. */
  check?: (place: PartitionFold, event: LogEvent) => void;
  /** At a record that nobody can read: count it and go on, or read no further in its partition. */
  atUnreadable: 'go on' | 'stop there';
  signal: AbortSignal;
  report: (line: string) => void;
};

/**
 * Folds what lies between `fold` and the ends of the stretches. When brokers or registry are away it
 * goes on from where it was, until the signal aborts.
 * @returns how long decoding and folding took, of the time for reading: milliseconds
 * @throws the signal's reason; what `check` throws
 */
export async function readLog(log: Log, fold: LogFold, reading: Reading): Promise<number> {
  const { kafka, codec, topicPrefix } = log;
  const { signal, report } = reading;
  const total = reading.stretches.reduce((sum, { to }) => sum + Number(to), 0);
  const placeAt = new Map(
    fold.partitions.map((place) => [`${topicPrefix}${place.topic}/${place.partition}`, place]),
  );
  const stopped = new Set<PartitionFold>();
  let foldMs = 0;
  let reportedMs = performance.now();
  const visit = async (batch: LogBatch): Promise<undefined> => {
    const startedMs = performance.now();
    const place = placeAt.get(`${batch.topic}/${batch.partition}`);
    if (place === undefined || stopped.has(place)) return;
    if ((await foldBatch(codec, fold, place, batch, reading)) === 'stopped') stopped.add(place);
    const endedMs = performance.now();
    foldMs += endedMs - startedMs;
    if (endedMs - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = endedMs;
    report(`read ${fold.records} of ${total} records`);
  };
  for (let attempt = 0; ; attempt += 1) {
    const left = reading.stretches.flatMap(({ topic, partition, to }) => {
      const place = placeAt.get(`${topicPrefix}${topic}/${partition}`);
      if (place === undefined || stopped.has(place)) return [];
      return { topic: topicPrefix + topic, partition, from: place.next, to };
    });
    try {
      await scanBatches(kafka, left, visit, signal);
      return foldMs;
    } catch (error) {
      if (!(error instanceof AppError && isWorthWaiting(error))) throw error;
      report(`reading goes on soon: ${error.message}`);
      await pause(backoffMs(RETRY, attempt), signal);
    }
  }
}

function isWorthWaiting({ code }: AppError): boolean {
  return code === 'KAFKA_UNAVAILABLE' || code === 'REGISTRY_UNAVAILABLE';
}

async function foldBatch(
  codec: EventCodec,
  fold: LogFold,
  place: PartitionFold,
  { messages }: LogBatch,
  { check, atUnreadable }: Reading,
): Promise<'read' | 'stopped'> {
  let last: KafkaMessage | undefined;
  try {
    for (const message of messages) {
      const offset = BigInt(message.offset);
      // After a broken connection records may come again.
      if (offset < place.next) continue;
      const event = await readEvent(codec, message.value);
      if (event === null && atUnreadable === 'stop there') return 'stopped';
      if (event === null) {
        fold.unreadable += 1;
      } else {
        check?.(place, event);
        foldEvent(fold, place, event);
      }
      fold.records += 1;
      place.next = offset + 1n;
      last = message;
    }
    return 'read';
  } finally {
    if (last !== undefined) place.lastRecord = identityOf(last);
  }
}

/** null: no event that this version can ever read. A failure that may pass is thrown. */
async function readEvent(codec: EventCodec, value: Buffer | null): Promise<LogEvent | null> {
  try {
    const { name, event } = await codec.decode(value);
    return toLogEvent(name, event);
  } catch (error) {
    if (error instanceof MalformedEvent) return null;
    if (error instanceof AppError && error.retriable === false) return null;
    throw error;
  }
}
