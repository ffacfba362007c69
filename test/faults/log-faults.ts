// Faults in what the log holds, and in what may be written to it.
import { randomUUID } from 'node:crypto';
import kafkajs, { type Message, Partitioners } from 'kafkajs';
import { recordNameOf } from '../../contracts/event-record.ts';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../contracts/topics.ts';
import type { CouponAssigned } from '../../domain/coupon-events.ts';
import { rangesOf, scanLog } from '../../platform/kafka/log-scan.ts';
import type { FaultEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';

type Record = Message & { partition: number };

async function append(
  { system }: FaultEnvironment,
  topic: string,
  messages: Record[],
): Promise<void> {
  const producer = system.events.kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    await producer.send({ topic: system.events.topicPrefix + topic, acks: -1, messages });
  } finally {
    await producer.disconnect();
  }
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
    begin: (environment) => {
      const whole = malformed(environment);
      const kinds: [string, Buffer | null][] = [
        ['no frame', Buffer.from('not an event')],
        ['nothing', null],
        ['a schema that the registry does not know', UNKNOWN_SCHEMA],
        ['a body that ends too early', whole.subarray(0, 12)],
        ['an event that is none', whole],
      ];
      const records = [0, 1, 2].flatMap((partition) =>
        kinds.map(([key, value]): Record => ({ partition, key, value })),
      );
      return append(environment, ASSIGN_TOPIC, records);
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
      const ranges = (await rangesOf(kafka, topic)).map(({ partition, to }) => ({
        partition,
        from: to > 50n ? to - 50n : 0n,
        to,
      }));
      const again: Record[] = [];
      await scanLog(kafka, topic, ranges, ({ partition, message: { key, value } }) => {
        again.push({ partition, key, value });
        return 'go on';
      });
      await append(environment, ASSIGN_TOPIC, again);
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
    },
    end: (environment) => setMaxBytes(environment, null),
  };
}

/** `bytes`: of the largest record that the topic takes; null: as many as every topic. */
async function setMaxBytes({ system }: FaultEnvironment, bytes: string | null): Promise<void> {
  const { kafka, topicPrefix } = system.events;
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topicPrefix + deadLetterTopicOf(ASSIGN_TOPIC),
          configEntries: [
            { name: 'min.insync.replicas', value: '2' },
            { name: 'retention.ms', value: '-1' },
            ...(bytes === null ? [] : [{ name: 'max.message.bytes', value: bytes }]),
          ],
        },
      ],
    });
  } finally {
    await admin.disconnect();
  }
}
