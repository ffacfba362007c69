// What an operator does who looked at records that nobody can read: discards them.
import { toDiscardRecord } from '../../../contracts/discard.ts';
import { logEventOrNull } from '../../../contracts/event-record.ts';
import type { Position } from '../../../contracts/position.ts';
import { DISCARDS_TOPIC, EPOCHS_TOPIC, EVENT_TOPICS } from '../../../contracts/topics.ts';
import { decodeReadable } from '../../../platform/avro/decode-readable.ts';
import { hashOfValue } from '../../../platform/value-hash.ts';
import { appendRecords, recordsOf } from './records.ts';
import type { EventSystem } from './topics.ts';

type Log = Pick<EventSystem, 'kafka' | 'codec' | 'topicPrefix'>;

/** Discards a record with these bytes at this position. */
export async function appendDiscard(
  { kafka, topicPrefix }: Omit<Log, 'codec'>,
  discarded: readonly { position: Position; value: Buffer | null }[],
): Promise<void> {
  await appendRecords(
    kafka,
    discarded.map(({ position, value }) => ({
      ...{ topic: topicPrefix + DISCARDS_TOPIC, partition: 0 },
      ...toDiscardRecord({
        ...{ position, valueHash: hashOfValue(value), decidedAtMs: Date.now() },
        ...{ by: 'a test', because: 'it put it there' },
      }),
    })),
  );
}

/** Discards every record of the events and claims that nobody can read now. @returns how many */
export async function discardUnreadable(log: Log): Promise<number> {
  const found: { position: Position; value: Buffer | null }[] = [];
  for (const topic of [...EVENT_TOPICS, EPOCHS_TOPIC]) {
    for (const record of await recordsOf(log.kafka, log.topicPrefix + topic)) {
      const decoded = await decodeReadable(log.codec, record.value);
      const isEvent =
        decoded?.name === 'EpochClaimed' ||
        (decoded !== null && logEventOrNull(decoded.name, decoded.event) !== null);
      if (!isEvent) found.push({ position: { ...record, topic }, value: record.value });
    }
  }
  if (found.length > 0) await appendDiscard(log, found);
  return found.length;
}
