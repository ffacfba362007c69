// Reading on in the event topics, from where a fold is up to stated offsets, all partitions at once.
import type { Discards } from '../../contracts/discard.ts';
import type { LogEvent } from '../../domain/coupon-events.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { AppError } from '../../platform/errors.ts';
import { readBatches } from '../../platform/kafka/range-reader.ts';
import type { KafkaRecord, RecordBatch } from '../../platform/kafka/record.ts';
import type { EventPartition, EventRange, Log } from '../log.ts';
import { type Reading, readEventRecord } from '../read-event.ts';
import { foldEvent, identityOf, type LogFold, type PartitionFold } from './fold.ts';

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 2_000 };
const REPORT_EVERY_MS = 1_000;

export type FoldRecordsOptions = {
  /** How far to read each partition of the fold; where to begin, the fold itself says. */
  ranges: readonly EventRange[];
  /** Looks at each event before it is folded; what it throws ends the reading. */
  check?: (partition: PartitionFold, event: LogEvent) => void;
  /** What is passed over. */
  discards: Discards;
  /** At a record that can't be read and is not discarded: throw, or read no further in its partition. */
  atUnreadable: 'throw' | 'stop there';
  signal: AbortSignal;
  report: (line: string) => void;
};

/**
 * Folds what lies between `fold` and the ends of the ranges. When brokers or registry are away it
 * goes on from where it was, until the signal aborts.
 * @returns how long decoding and folding took, of the time for reading: milliseconds
 * @throws AppError RECORD_UNREADABLE (not retriable), which names the record; TOPIC_MISMATCH when records
 * that it has to read were deleted; the signal's reason; what `check` throws
 */
export async function foldRecords(
  log: Log,
  fold: LogFold,
  options: FoldRecordsOptions,
): Promise<number> {
  const { kafka, codec, topicPrefix } = log;
  const { discards, signal, report } = options;
  const total = options.ranges.reduce((sum, { to }) => sum + Number(to), 0);
  const partitionFolds = new Map(
    fold.partitions.map((partitionFold) => [
      `${topicPrefix}${partitionFold.topic}/${partitionFold.partition}`,
      partitionFold,
    ]),
  );
  const stopped = new Set<PartitionFold>();
  // Further than the fold's own `next` where the last offsets have no record.
  const reached = new Map<PartitionFold, bigint>();
  const nextOf = (place: PartitionFold): bigint => {
    const behind = reached.get(place);
    if (behind === undefined || behind < place.next) return place.next;
    return behind;
  };
  let foldMs = 0;
  let reportedMs = performance.now();
  const take = async (batch: RecordBatch): Promise<void> => {
    const startedMs = performance.now();
    const partitionFold = partitionFolds.get(`${batch.topic}/${batch.partition}`);
    if (partitionFold === undefined || stopped.has(partitionFold)) return;
    demandContinuous(partitionFold, nextOf(partitionFold), batch.from);
    const end = await foldBatch({ codec, discards }, fold, partitionFold, batch, options);
    if (end === 'stopped') stopped.add(partitionFold);
    reached.set(partitionFold, batch.to);
    const endedMs = performance.now();
    foldMs += endedMs - startedMs;
    if (endedMs - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = endedMs;
    report(`read ${fold.records} of ${total} records`);
  };
  for (let attempt = 0; ; attempt += 1) {
    const left = options.ranges.flatMap(({ topic, partition, to }) => {
      const partitionFold = partitionFolds.get(`${topicPrefix}${topic}/${partition}`);
      if (partitionFold === undefined || stopped.has(partitionFold)) return [];
      return { topic: topicPrefix + topic, partition, from: nextOf(partitionFold), to };
    });
    try {
      for await (const batch of readBatches(kafka, left, signal)) await take(batch);
      return foldMs;
    } catch (error) {
      if (!(error instanceof AppError && isTransient(error))) throw error;
      report(`the log could not be read, trying again: ${error.message}`);
      await pause(backoffMs(RETRY, attempt), signal);
    }
  }
}

/** A batch begins where the one before it ended, unless what lay between was deleted. */
function demandContinuous({ topic, partition }: EventPartition, to: bigint, from: bigint): void {
  if (from <= to) return;
  throw new AppError(
    'TOPIC_MISMATCH',
    `${topic}/${partition} has lost its records from ${to} to ${from}: what is left does not show what was handed out`,
    { retriable: false },
  );
}

function isTransient({ code }: AppError): boolean {
  return code === 'KAFKA_UNAVAILABLE' || code === 'REGISTRY_UNAVAILABLE';
}

async function foldBatch(
  reading: Reading,
  fold: LogFold,
  partitionFold: PartitionFold,
  { records }: RecordBatch,
  { check, atUnreadable }: FoldRecordsOptions,
): Promise<'read' | 'stopped'> {
  let last: KafkaRecord | undefined;
  try {
    for (const record of records) {
      const { topic } = partitionFold;
      const found = await readEventRecord(reading, { ...record, topic }, record);
      if (found.kind === 'unreadable') {
        if (atUnreadable === 'stop there') return 'stopped';
        throw found.error;
      }
      if (found.kind === 'discarded') {
        fold.discarded += 1;
      } else {
        check?.(partitionFold, found.content);
        foldEvent(fold, partitionFold, found.content);
      }
      fold.records += 1;
      partitionFold.next = record.offset + 1n;
      last = record;
    }
    return 'read';
  } finally {
    if (last !== undefined) partitionFold.lastRecord = identityOf(last);
  }
}
