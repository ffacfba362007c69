// The event topics as facts.
import type { Kafka } from 'kafkajs';
import { MalformedEvent, toLogEvent } from '../../contracts/event-record.ts';
import type { LogEvent } from '../../domain/coupon-events.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import { AppError } from '../../platform/errors.ts';
import type { LogPartition } from '../facts.ts';
import { type Range, readRanges } from './read-topic.ts';

/**
 * Every record of these ranges. With a coupon's id, the events of other coupons are left out;
 * markers and what can't be read stay.
 * @throws AppError REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE (retriable)
 */
export async function readLog(options: {
  kafka: Kafka;
  codec: EventCodec;
  topicPrefix: string;
  ranges: readonly Range[];
  couponId: string | null;
  /** Called with the number of records read so far, every few thousand. */
  progress: (records: number) => void;
}): Promise<LogPartition[]> {
  const { kafka, codec, topicPrefix, ranges, couponId } = options;
  const partitions = new Map<Range, LogPartition>(
    ranges.map((range) => [range, { ...range, records: [] }]),
  );
  const slim = createSlimmer();
  let read = 0;
  await readRanges(kafka, topicPrefix, ranges, async (range, { value, offset }) => {
    read += 1;
    if (read % 10_000 === 0) options.progress(read);
    const event = await readEvent(codec, value);
    if (couponId !== null && event !== null && 'couponId' in event && event.couponId !== couponId) {
      return;
    }
    partitions
      .get(range)
      ?.records.push({ offset: Number(offset), event: event === null ? null : slim(event) });
  });
  return [...partitions.values()];
}

/** null: no event that can ever be read. A failure that may pass is thrown: it proves nothing. */
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

// A million events are held at once: equal texts are kept once, and the callers' keys, which no
// invariant here looks at, not at all.
function createSlimmer(): (event: LogEvent) => LogEvent {
  const couponIds = new Map<string, string>();
  return (event) => {
    if (event.type !== 'CouponAssigned') return event;
    const couponId = couponIds.get(event.couponId) ?? event.couponId;
    couponIds.set(couponId, couponId);
    return {
      ...event,
      eventId: event.assignmentId,
      couponId,
      idempotencyKey: null,
      requestHash: null,
    };
  };
}
