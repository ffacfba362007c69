// The coupons as the log tells them, up to this rebuild's own marker in each partition and not one
// record further (protocol.md P16).
import { type Coupon, evolve, initialCoupon } from '../domain/coupon.ts';
import type { CouponEvent, LogEvent } from '../domain/coupon-events.ts';
import { higherMarker, isVoid } from '../domain/epoch.ts';
import { MalformedEvent, toLogEvent } from '../domain/event-record.ts';
import { type Backoff, backoffMs, pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import type { EventCodec } from '../platform/event-codec.ts';
import { type LogBatch, scanBatches } from '../platform/log-scan.ts';
import type { Log, Marker } from './claim-epoch.ts';
import { lostAttempt } from './lock.ts';

/** What the log holds up to the markers. */
export type FoldedLog = {
  /** By coupon id. */
  coupons: Map<string, Coupon>;
  /** When the newest assignment was made, by Redis' clock; 0 when there is none. */
  lastAssignedAt: number;
  records: number;
  /** Records of an epoch that was over when they were written. */
  voided: number;
  /** Records that nobody can read; the projector puts them among the dead letters. */
  unreadable: number;
  /** Of the time for reading: how long decoding and folding took. */
  foldMs: number;
};

/** How far one partition was read. */
type Reading = { marker: Marker; next: bigint; highestMarker: number | null };

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 2_000 };
const REPORT_EVERY_MS = 1_000;

/**
 * Folds every partition from its first record to its marker, whose epoch is `epoch`. When brokers or
 * registry are away it goes on from where it was, until `signal` aborts.
 * @throws AppError EPOCH_CLOSED when the log holds this epoch, or a higher one, from somebody else;
 * the signal's reason
 */
export async function foldLog(
  log: Log,
  epoch: number,
  markers: readonly Marker[],
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<FoldedLog> {
  const { kafka, codec, topicPrefix } = log;
  const readings = new Map(
    markers.map((marker): [string, Reading] => [
      `${topicPrefix}${marker.topic}/${marker.partition}`,
      { marker, next: 0n, highestMarker: null },
    ]),
  );
  const folded: FoldedLog = {
    coupons: new Map(),
    lastAssignedAt: 0,
    records: 0,
    voided: 0,
    unreadable: 0,
    foldMs: 0,
  };
  const total = markers.reduce((sum, { offset }) => sum + Number(offset) + 1, 0);
  let reportedMs = performance.now();
  const visit = async (batch: LogBatch): Promise<undefined> => {
    const startedMs = performance.now();
    const reading = readings.get(`${batch.topic}/${batch.partition}`);
    if (reading !== undefined) await foldBatch(codec, epoch, folded, reading, batch);
    const endedMs = performance.now();
    folded.foldMs += endedMs - startedMs;
    if (endedMs - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = endedMs;
    report(`read ${folded.records} of ${total} records`);
  };
  for (let attempt = 0; ; attempt += 1) {
    const left = [...readings.values()].map(({ marker, next }) => ({
      topic: topicPrefix + marker.topic,
      partition: marker.partition,
      from: next,
      to: marker.offset + 1n,
    }));
    try {
      await scanBatches(kafka, left, visit, signal);
      break;
    } catch (error) {
      if (!(error instanceof AppError && isWorthWaiting(error))) throw error;
      report(`reading goes on soon: ${error.message}`);
      await pause(backoffMs(RETRY, attempt), signal);
    }
  }
  for (const { marker, highestMarker } of readings.values()) {
    if (highestMarker !== epoch) {
      throw lostAttempt(`the own marker in ${marker.topic}/${marker.partition} is gone`);
    }
  }
  return folded;
}

function isWorthWaiting({ code }: AppError): boolean {
  return code === 'KAFKA_UNAVAILABLE' || code === 'REGISTRY_UNAVAILABLE';
}

async function foldBatch(
  codec: EventCodec,
  epoch: number,
  folded: FoldedLog,
  reading: Reading,
  { messages }: LogBatch,
): Promise<void> {
  for (const { offset: text, value } of messages) {
    const offset = BigInt(text);
    // After a broken connection records may come again.
    if (offset < reading.next) continue;
    const event = await readEvent(codec, value);
    if (event === null) folded.unreadable += 1;
    else foldEvent(epoch, folded, reading, event);
    folded.records += 1;
    reading.next = offset + 1n;
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

function foldEvent(epoch: number, folded: FoldedLog, reading: Reading, event: LogEvent): void {
  if (event.epoch >= epoch && event.eventId !== reading.marker.eventId) {
    const { topic, partition } = reading.marker;
    throw lostAttempt(
      `${topic}/${partition} holds epoch ${event.epoch} of somebody else, and this rebuild is ${epoch}`,
    );
  }
  if (event.type === 'EpochStarted') {
    reading.highestMarker = higherMarker(reading.highestMarker, event.epoch);
  } else if (isVoid(event.epoch, reading.highestMarker)) {
    folded.voided += 1;
  } else {
    apply(folded, event);
  }
}

function apply(folded: FoldedLog, event: CouponEvent): void {
  let coupon = folded.coupons.get(event.couponId);
  if (coupon === undefined) {
    coupon = initialCoupon();
    folded.coupons.set(event.couponId, coupon);
  }
  if (event.type === 'CouponAssigned') {
    folded.lastAssignedAt = Math.max(folded.lastAssignedAt, event.occurredAt);
    // A million of them are held at once: equal texts are kept once.
    event.assignmentId = event.eventId;
  }
  evolve(coupon, event);
}
