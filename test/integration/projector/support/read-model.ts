// What the tests look at: the rows, the checkpoints, and the dead letters in Kafka.
import { EVENT_TOPICS } from '../../../../contracts/topics.ts';
import { readLogRanges } from '../../../../platform/kafka/admin.ts';
import type { TestDatabase } from '../../../support/system/database.ts';
import { recordsOf } from '../../../support/system/records.ts';
import type { EventSystem } from '../../../support/system/topics.ts';
import { waitUntil } from '../../../support/wait-until.ts';

export type CheckpointRow = {
  topic: string;
  partition_id: number;
  next_offset: number;
  highest_marker: number | null;
  applied: number;
  repeated: number;
  fenced: number;
  markers: number;
  dead_lettered: number;
};

/** Waits until every record that is in `topics` now is accounted for by a checkpoint. */
export async function caughtUp(
  system: EventSystem,
  { db }: TestDatabase,
  { topics = EVENT_TOPICS }: { topics?: readonly string[] } = {},
): Promise<void> {
  const ends = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, to } of await readLogRanges(system.kafka, system.topicPrefix + topic)) {
      if (to > 0n) ends.set(`${topic}/${partition}`, to);
    }
  }
  await waitUntil(`the projection is at ${JSON.stringify([...ends].map(String))}`, async () => {
    const rows: CheckpointRow[] = await db('projection_checkpoints');
    const next = new Map(rows.map((row) => [`${row.topic}/${row.partition_id}`, row.next_offset]));
    return [...ends].every(([topicPartition, end]) => BigInt(next.get(topicPartition) ?? 0) >= end);
  });
}

/** The sums over all checkpoints of these topics. */
export async function totals(
  { db }: TestDatabase,
  topics: readonly string[] = EVENT_TOPICS,
): Promise<Omit<CheckpointRow, 'topic' | 'partition_id' | 'highest_marker'>> {
  const rows: CheckpointRow[] = await db('projection_checkpoints').whereIn('topic', topics);
  const sum = (of: (row: CheckpointRow) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  return {
    next_offset: sum((row) => row.next_offset),
    applied: sum((row) => row.applied),
    repeated: sum((row) => row.repeated),
    fenced: sum((row) => row.fenced),
    markers: sum((row) => row.markers),
    dead_lettered: sum((row) => row.dead_lettered),
  };
}

/** How many units of the coupon were given, as its counter says and as its rows say. */
export async function issuedOf(
  { db }: TestDatabase,
  couponId: string,
): Promise<{ counter: number; rows: number }> {
  const counter = await db('coupon_counters').where({ coupon_id: couponId }).first('issued');
  const [[{ rows }]] = await db.raw(
    'SELECT COUNT(*) AS `rows` FROM assignments WHERE coupon_id = ?',
    [couponId],
  );
  return { counter: counter?.issued ?? 0, rows };
}

export type RawDeadLetter = {
  partition: number;
  key: string | null;
  value: Buffer | null;
  headers: Record<string, string>;
};

/** Every record in a topic. */
export async function recordsIn(system: EventSystem, topic: string): Promise<RawDeadLetter[]> {
  const records = await recordsOf(system.kafka, system.topicPrefix + topic);
  return records.map(({ partition, key, value, headers }) => ({
    ...{ partition, key: key === null ? null : String(key), value },
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, String(text)]),
    ),
  }));
}
