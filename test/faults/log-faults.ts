// Faults in what the log holds, and in what may be written to it.
import { randomUUID } from 'node:crypto';
import { recordNameOf } from '../../contracts/event-record.ts';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../contracts/topics.ts';
import type { CouponAssigned } from '../../domain/coupon-events.ts';
import { readLogRanges } from '../../platform/kafka/admin.ts';
import { readRecords } from '../../platform/kafka/range-reader.ts';
import { discardUnreadable } from '../support/system/discard.ts';
import { appendRecords, setTopicConfig, type TestRecord } from '../support/system/records.ts';
import type { FaultEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';

type PlacedRecord = Omit<TestRecord, 'topic'> & { partition: number };

async function append(
  { system }: FaultEnvironment,
  topic: string,
  records: readonly PlacedRecord[],
): Promise<void> {
  const { kafka, topicPrefix } = system.events;
  await appendRecords(
    kafka,
    records.map((record) => ({ ...record, topic: topicPrefix + topic })),
  );
}

/** Bytes of an event with one field that no event may have. */
function malformed({ system, load }: FaultEnvironment): Buffer {
  const id = randomUUID();
  const event: CouponAssigned = {
    type: 'CouponAssigned',
    eventId: id,
    epoch: 0,
    occurredAt: Date.now(),
    idempotencyKey: null,
    requestHash: null,
    assignmentId: id,
    couponId: load.couponId,
    userId: '',
    sequence: 0,
    nthOfUser: 0,
  };
  return system.events.codec.encode(ASSIGN_TOPIC, recordNameOf(event), event);
}

const UNKNOWN_SCHEMA = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]);

/** One record of each kind that nobody can ever apply, in every partition of the assignments. */
export function poisoned(): Fault {
  return {
    name: 'the log: poison of each kind',
    part: 'log',
    trace: ['projector', '"msg":"dead letter parked"'],
    begin: async (environment) => {
      const whole = malformed(environment);
      const kinds: [string, Buffer | null][] = [
        ['no frame', Buffer.from('not an event')],
        ['nothing', null],
        ['a schema that the registry does not know', UNKNOWN_SCHEMA],
        ['a body that ends too early', whole.subarray(0, 12)],
        ['an event that is none', whole],
      ];
      const records = [0, 1, 2].flatMap((partition) =>
        kinds.map(([key, value]): PlacedRecord => ({ partition, key, value })),
      );
      await append(environment, ASSIGN_TOPIC, records);
      // As an operator would: else Redis could not be rebuilt any more.
      await discardUnreadable(environment.system.events);
    },
  };
}

/** The last fifty records of each partition of the assignments, markers too, stand there twice. */
export function repeated(): Fault {
  return {
    name: 'the log: the same events twice',
    part: 'log',
    begin: async (environment) => {
      const { kafka, topicPrefix } = environment.system.events;
      const topic = topicPrefix + ASSIGN_TOPIC;
      const ranges = (await readLogRanges(kafka, topic)).map((range) => ({
        ...range,
        from: range.to > 50n ? range.to - 50n : 0n,
      }));
      const again: PlacedRecord[] = [];
      for await (const { partition, key, value } of readRecords(kafka, ranges)) {
        again.push({ partition, key, value });
      }
      await append(environment, ASSIGN_TOPIC, again);
      await discardUnreadable(environment.system.events);
    },
  };
}

/** The dead letter topic refuses every record, while there is a dead letter to be written. */
export function deadLettersRefused(lastsMs: number): Fault {
  return {
    name: `dead letters can't be written for ${lastsMs / 1_000} s`,
    part: 'log',
    lastsMs,
    trace: ['projector', "the dead letter topic can't be written"],
    begin: async (environment) => {
      await setMaxBytes(environment, '1');
      await append(environment, ASSIGN_TOPIC, [
        { partition: 0, key: 'poison', value: Buffer.from('x') },
      ]);
      await discardUnreadable(environment.system.events);
    },
    end: (environment) => setMaxBytes(environment, String(2 * 1_048_576)),
  };
}

/** `bytes`: of the largest record that the topic takes. */
function setMaxBytes({ system }: FaultEnvironment, bytes: string): Promise<void> {
  const { kafka, topicPrefix } = system.events;
  return setTopicConfig(kafka, topicPrefix + deadLetterTopicOf(ASSIGN_TOPIC), {
    'max.message.bytes': bytes,
  });
}
