// Writing to the log as command-api would, and as nobody should.
import { randomUUID } from 'node:crypto';
import { recordNameOf } from '../../../../contracts/event-record.ts';
import { ASSIGN_TOPIC, destinationOf, EVENT_TOPICS } from '../../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, LogEvent } from '../../../../domain/coupon-events.ts';
import type { ReadResult } from '../../../../projector/consumed-record.ts';
import { couponAssigned, couponCreated, NOW } from '../../../support/fixtures/sample-events.ts';
import { appendRecords, type TestRecord } from '../../../support/system/records.ts';
import type { EventSystem } from '../../../support/system/topics.ts';

export type RawRecord = TestRecord;

/** Single ones and lists of them. */
type Events = (LogEvent | readonly LogEvent[])[];

export type EventLog = {
  /** Appends in this order; all are acknowledged when it resolves. */
  append(...events: Events): Promise<void>;
  appendTo(place: { topic: string; partition: number }, ...events: Events): Promise<void>;
  /** `topic` is logical. */
  appendRaw(records: readonly RawRecord[]): Promise<void>;
  /** A marker in every partition of both event topics. */
  startEpoch(epoch: number): Promise<void>;
};

const PARTITIONS = [0, 1, 2];

/** Writes to this system's topics. */
export function createEventLog({ kafka, codec, topicPrefix }: EventSystem): EventLog {
  const appendRaw = async (records: readonly RawRecord[]): Promise<void> => {
    await appendRecords(
      kafka,
      records.map((record) => ({ ...record, topic: topicPrefix + record.topic })),
    );
  };
  const toRecord = (topic: string, event: LogEvent, key: string | null): RawRecord => ({
    topic,
    key,
    value: codec.encode(topic, recordNameOf(event), event),
  });
  const appendTo = (place: { topic: string; partition: number }, ...events: Events) =>
    appendRaw(events.flat().map((event) => ({ ...toRecord(place.topic, event, null), ...place })));
  return {
    appendRaw,
    appendTo,
    append: (...events) =>
      appendRaw(
        events.flat().map((event) => {
          if (event.type === 'EpochStarted') throw new Error('a marker goes to every partition');
          const { topic, key } = destinationOf(event);
          return toRecord(topic, event, key);
        }),
      ),
    startEpoch: async (epoch) => {
      for (const topic of EVENT_TOPICS) {
        for (const partition of PARTITIONS) await appendTo({ topic, partition }, marker(epoch));
      }
    },
  };
}

/** The record that begins an epoch in a partition. */
export function marker(epoch: number): LogEvent {
  return { type: 'EpochStarted', eventId: randomUUID(), epoch, occurredAt: NOW };
}

/** A new coupon. */
export function aCoupon(fields: Partial<CouponCreated> = {}): CouponCreated {
  const couponId = randomUUID();
  return couponCreated({ couponId, eventId: couponId, quantity: 1_000_000, ...fields });
}

/** `count` assignments of the coupon, one for each of as many users, from this sequence on. */
export function someAssignments(couponId: string, count: number, from = 1): CouponAssigned[] {
  return Array.from({ length: count }, (_, index) =>
    anAssignment(couponId, from + index, { userId: `user-${from + index}` }),
  );
}

/** One assignment with an id of its own. */
export function anAssignment(
  couponId: string,
  sequence: number,
  fields: Partial<CouponAssigned> = {},
): CouponAssigned {
  const assignmentId = randomUUID();
  return couponAssigned(sequence, { assignmentId, eventId: assignmentId, couponId, ...fields });
}

/** These events as they were decoded from consecutive records of partition 0 of the assignments' topic. */
export function decodedAt(offset: number, ...events: LogEvent[]): [ReadResult, ...ReadResult[]] {
  return events.map((event, index) => ({
    kind: 'event',
    event,
    record: {
      ...{ topic: ASSIGN_TOPIC, partition: 0, offset: BigInt(offset + index) },
      ...{ key: null, value: null, headers: {} },
    },
  })) as ReadResult[] as [ReadResult, ...ReadResult[]];
}
