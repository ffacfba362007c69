// The event topics as facts.

import type { Discards } from '../../contracts/discard.ts';
import { logEventOrNull } from '../../contracts/event-record.ts';
import type { LogEvent } from '../../domain/coupon-events.ts';
import { decodeReadable } from '../../platform/avro/decode-readable.ts';
import type { EventCodec } from '../../platform/avro/event-codec.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import type { KafkaRecord, LogRange } from '../../platform/kafka/record.ts';
import type { PartitionFacts } from '../facts.ts';
import { readRanges } from './read-topic.ts';

/**
 * Every record of these ranges. With a coupon's id, the events of other coupons are left out;
 * markers and what can't be read stay.
 * @throws AppError REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE (retriable)
 */
export async function readEventTopics(options: {
  kafka: KafkaClient;
  codec: EventCodec;
  topicPrefix: string;
  ranges: readonly LogRange[];
  couponId: string | null;
  discards: Discards;
  /** Called with the number of records read so far, every few thousand. */
  progress: (records: number) => void;
}): Promise<PartitionFacts[]> {
  const { kafka, codec, topicPrefix, ranges, couponId, discards } = options;
  const partitions = new Map<LogRange, PartitionFacts>(
    ranges.map((range) => [range, toPartitionFacts(range)]),
  );
  const slim = createSlimmer();
  let read = 0;
  const onVacant = (range: LogRange, from: bigint, to: bigint): void => {
    partitions.get(range)?.vacant.push({ from: Number(from), to: Number(to) });
  };
  const onRecord = async (range: LogRange, { value, offset }: KafkaRecord): Promise<void> => {
    read += 1;
    if (read % 10_000 === 0) options.progress(read);
    const position = { topic: range.topic, partition: range.partition, offset };
    const isDiscarded = discards.has(position, value);
    const event = isDiscarded ? null : await readEvent(codec, value);
    if (couponId !== null && event !== null && 'couponId' in event && event.couponId !== couponId) {
      return;
    }
    partitions.get(range)?.records.push({
      ...{ offset: Number(offset), event: event === null ? null : slim(event) },
      ...(isDiscarded ? { isDiscarded } : {}),
    });
  };
  await readRanges(kafka, topicPrefix, ranges, onRecord, onVacant);
  return [...partitions.values()];
}

function toPartitionFacts({ topic, partition, from, to }: LogRange): PartitionFacts {
  const [firstOffset, endOffset] = [Number(from), Number(to)];
  return { topic, partition, firstOffset, endOffset, records: [], vacant: [] };
}

/** @returns null when no event can ever be read in these bytes */
async function readEvent(codec: EventCodec, value: Buffer | null): Promise<LogEvent | null> {
  const record = await decodeReadable(codec, value);
  return record === null ? null : logEventOrNull(record.name, record.event);
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
