// A log of made-up assignments, written straight into Kafka, for the measurement of rebuilds.
import { randomBytes, randomUUID } from 'node:crypto';
import { recordNameOf } from '../../contracts/event-record.ts';
import { ASSIGN_TOPIC, destinationOf, type EventTopic } from '../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../../domain/coupon-events.ts';
import { partitionOfKey } from '../../platform/kafka/partitioner.ts';
import { createProducer, demandOffsets } from '../../platform/kafka/producer.ts';
import { type Log, listEventPartitions } from '../../redis-rebuild/log.ts';
import { countPartitions } from '../../redis-rebuild/partitions.ts';

const DAY_MS = 86_400_000;
const SEND_AT_ONCE = 3_000;
const SEND_TIMEOUT_MS = 30_000;
/** The assignments lie as far apart as those of a rush: only those of its last minute are unanswered. */
const RUSH_PER_MS = 5;

const STARTED_AT = Date.now();

/** Appends `count` assignments after the first ones, of `epoch`; before all of them, the coupons. */
export async function fillLog(
  log: Log,
  coupons: readonly CouponCreated[],
  range: { first: number; count: number; epoch: number },
): Promise<void> {
  const { first, count, epoch } = range;
  const { kafka, codec, topicPrefix } = log;
  const partitions = countPartitions(await listEventPartitions(log));
  const producer = createProducer(kafka);
  const send = async (topic: EventTopic, events: CouponEvent[]): Promise<void> => {
    const records = events.map((event) => {
      const { key } = destinationOf(event);
      const value = codec.encode(topic, recordNameOf(event), event);
      const partition = partitionOfKey(key, partitions[topic]);
      return { topic: topicPrefix + topic, partition, key, value };
    });
    demandOffsets(await producer.send(records, { timeoutMs: SEND_TIMEOUT_MS }), 'the log');
  };
  if (first === 0) {
    for (const coupon of coupons) await send(destinationOf(coupon).topic, [coupon]);
  }
  for (let i = 0; i < count; i += SEND_AT_ONCE) {
    const events = Array.from({ length: Math.min(SEND_AT_ONCE, count - i) }, (_, n) =>
      newAssignment(coupons, first + i + n, epoch),
    );
    await send(ASSIGN_TOPIC, events);
  }
  await producer.close();
}

/** A coupon of a million units, open for a day. */
export function newBenchCoupon(): CouponCreated {
  const couponId = randomUUID();
  return {
    type: 'CouponCreated',
    eventId: couponId,
    epoch: 0,
    occurredAt: Date.now(),
    idempotencyKey: null,
    requestHash: null,
    couponId,
    title: 'bench',
    quantity: 1_000_000,
    startDate: Date.now(),
    endDate: Date.now() + DAY_MS,
    perUserLimit: 1,
  };
}

function newAssignment(
  coupons: readonly CouponCreated[],
  n: number,
  epoch: number,
): CouponAssigned {
  const assignmentId = randomUUID();
  return {
    type: 'CouponAssigned',
    eventId: assignmentId,
    epoch,
    occurredAt: STARTED_AT + Math.floor(n / RUSH_PER_MS),
    idempotencyKey: randomUUID(),
    requestHash: randomBytes(32).toString('hex'),
    assignmentId,
    couponId: coupons[n % coupons.length]?.couponId ?? '',
    userId: `user-${n}`,
    sequence: Math.floor(n / coupons.length) + 1,
    nthOfUser: 1,
  };
}
