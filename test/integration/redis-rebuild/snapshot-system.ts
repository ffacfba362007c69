// Snapshots of a rebuild's system: taking them, taking them away, and what a rebuild makes of Redis.
import type { Redis } from 'ioredis';
import { recordNameOf } from '../../../contracts/event-record.ts';
import type { SnapshotCompleted } from '../../../contracts/snapshot.ts';
import {
  COMPLETIONS_PARTITION,
  type EventTopic,
  SNAPSHOTS_TOPIC,
} from '../../../contracts/topics.ts';
import type { CouponEvent } from '../../../domain/coupon-events.ts';
import { withAdmin } from '../../../platform/kafka/admin.ts';
import type { KafkaRecord } from '../../../platform/kafka/record.ts';
import {
  type SnapshotOptions,
  takeSnapshot,
} from '../../../redis-rebuild/snapshot/take-snapshot.ts';
import { appendRecords, recordsOf } from '../../support/system/records.ts';
import { keysWith } from '../../support/system/redis.ts';
import type { RebuildSystem } from './rebuild-system.ts';

/** A snapshot of the system's log that has to be taken. */
export async function takeOne(system: RebuildSystem, changes: Partial<SnapshotOptions> = {}) {
  const result = await takeSnapshot({
    ...system.events,
    ...{ minRecords: 0, report: () => undefined, signal: new AbortController().signal },
    ...changes,
  });
  if (result.kind !== 'taken') throw new Error(`no snapshot: ${JSON.stringify(result)}`);
  return result;
}

/** What a partition of the topic of the snapshots holds; 0: chunks, 1: completions. */
export function snapshotRecords(
  { events }: RebuildSystem,
  partition: number,
): Promise<KafkaRecord[]> {
  return recordsOf(events.kafka, events.topicPrefix + SNAPSHOTS_TOPIC, partition);
}

/** Appends to a partition of the topic of the snapshots. */
export async function appendSnapshotRecords(
  { events }: RebuildSystem,
  partition: number,
  values: readonly (Buffer | null)[],
): Promise<void> {
  const topic = events.topicPrefix + SNAPSHOTS_TOPIC;
  await appendRecords(
    events.kafka,
    values.map((value) => ({ topic, partition, value })),
  );
}

/** Appends a completion that is as `completed` but for these fields. */
export async function appendCompletion(
  system: RebuildSystem,
  completed: SnapshotCompleted,
  changes: Partial<SnapshotCompleted>,
): Promise<void> {
  const value = system.events.codec.encode(SNAPSHOTS_TOPIC, 'SnapshotCompleted', {
    ...completed,
    ...changes,
  });
  await appendSnapshotRecords(system, COMPLETIONS_PARTITION, [value]);
}

/** Deletes the records of these partitions of the topic of the snapshots. */
export async function deleteSnapshotRecords(
  { events }: RebuildSystem,
  partitions: readonly number[],
): Promise<void> {
  const topic = events.topicPrefix + SNAPSHOTS_TOPIC;
  await withAdmin(events.kafka, async (admin) => {
    const ends = [...(await admin.endOffsets(topic))];
    const wanted = ends.filter(([partition]) => partitions.includes(partition));
    await admin.deleteRecordsBefore(topic, new Map(wanted));
  });
}

/** Every key of the system with its value, `epoch` in it as EPOCH; times to live are apart. */
export async function dumpOf({ redis, events }: RebuildSystem, epoch: number) {
  const dump: Record<string, unknown> = {};
  const livesMs: Record<string, number> = {};
  for (const key of await keysWith(redis, events.topicPrefix)) {
    dump[key] = await readKey(redis, key, epoch);
    livesMs[key] = await redis.pttl(key);
  }
  return { dump, livesMs };
}

async function readKey(redis: Redis, key: string, epoch: number): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash': {
      const fields = await redis.hgetall(key);
      return { ...fields, ...(fields.epoch === `${epoch}` ? { epoch: 'EPOCH' } : {}) };
    }
    case 'set':
      return (await redis.smembers(key)).sort();
    case 'string':
      return (await redis.get(key))?.replace(new RegExp(`^${epoch}\\|`), 'EPOCH|');
    default:
      throw new Error(`${key} is of a type that no rebuild writes`);
  }
}

/** Appends by a producer that knows the partitions of now. */
export async function appendAnew(
  { events }: RebuildSystem,
  topic: EventTopic,
  partition: number,
  appended: readonly CouponEvent[],
): Promise<void> {
  await appendRecords(
    events.kafka,
    appended.map((event) => ({
      ...{ topic: events.topicPrefix + topic, partition },
      value: events.codec.encode(topic, recordNameOf(event), event),
    })),
  );
}
