// Writing to the log as command-api would, and as nobody should.
import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { recordNameOf } from '../../../../contracts/event-record.ts';
import { destinationOf, EVENT_TOPICS } from '../../../../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, LogEvent } from '../../../../domain/coupon-events.ts';
import { couponAssigned, couponCreated, NOW } from '../../../support/fixtures/sample-events.ts';
import type { EventSystem } from '../../../support/system/topics.ts';

/** A record to be written; `partition` only where a test needs to know it. */
export type RawRecord = {
  topic: string;
  partition?: number;
  key?: string | null;
  value: Buffer | null;
  headers?: Record<string, string>;
};

/** Single ones and lists of them. */
type Events = (LogEvent | readonly LogEvent[])[];

export type EventLog = {
  /** Appends in this order; all are acknowledged when it resolves. */
  append(...events: Events): Promise<void>;
  appendTo(place: { topic: string; partition: number }, ...events: Events): Promise<void>;
  appendRaw(records: readonly RawRecord[]): Promise<void>;
  /** A marker in every partition of both event topics. */
  startEpoch(epoch: number): Promise<void>;
  close(): Promise<void>;
};

const PARTITIONS = [0, 1, 2];
const RECORDS_PER_SEND = 1_000;

/** A producer of this system's event topics. */
export async function openEventLog({ kafka, codec, topicPrefix }: EventSystem): Promise<EventLog> {
  const producer: Producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();

  const appendRaw = async (records: readonly RawRecord[]): Promise<void> => {
    for (let start = 0; start < records.length; start += RECORDS_PER_SEND) {
      const byTopic = Map.groupBy(
        records.slice(start, start + RECORDS_PER_SEND),
        ({ topic }) => topic,
      );
      await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, ofTopic]) => ({
          topic: topicPrefix + topic,
          messages: ofTopic.map(({ topic: _topic, ...message }) => message),
        })),
      });
    }
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
    close: () => producer.disconnect(),
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
