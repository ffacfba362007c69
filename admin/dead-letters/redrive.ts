// Parked dead letters to the projection again: each as it stands in its dead letter topic, bytes, key
// and headers, once more at that topic's end, where the projector tries it once more.
// Never into the event topic itself: behind a newer marker the event would be fenced.
import type { Knex } from 'knex';
import { readOrigin } from '../../contracts/dead-letter.ts';
import { collectDiscards } from '../../contracts/discard.ts';
import type { Position } from '../../contracts/position.ts';
import { DISCARDS_TOPIC, deadLetterTopicOf, EVENT_TOPICS } from '../../contracts/topics.ts';
import { messageOf } from '../../platform/errors.ts';
import { readLogRanges } from '../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../platform/kafka/client.ts';
import {
  createProducer,
  demandOffsets,
  type RecordProducer,
} from '../../platform/kafka/producer.ts';
import { readRecords } from '../../platform/kafka/range-reader.ts';
import type { KafkaRecord, LogRange } from '../../platform/kafka/record.ts';
import { readWholeTopic } from '../../platform/kafka/whole-topic.ts';
import { hashOfValue } from '../../platform/value-hash.ts';
import type { ParkedDeadLetter } from './parked-dead-letters.ts';

/** What became of the rows; `left` were dealt with by somebody else meanwhile. */
export type RedriveResult = {
  redriven: number;
  left: number;
  failed: { deadLetter: ParkedDeadLetter; reason: string }[];
};

const DEAD_LETTERS_AT_ONCE = 100;
const WRITE_LIMIT_MS = 30_000;
const DISCARDED = 'it was discarded in the log while nobody could read it: that is for good';

/**
 * Redrives these rows and marks them so, in one transaction each hundred: a row is marked only when
 * its dead letter was acknowledged. A dead letter that is written and not marked does no harm: the projector
 * applies it, or finds its row parked already.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when the dead letters can't be read
 */
export async function redriveDeadLetters(
  parts: { kafka: KafkaClient; db: Knex; topicPrefix: string },
  deadLetters: readonly ParkedDeadLetter[],
): Promise<RedriveResult> {
  const result: RedriveResult = { redriven: 0, left: 0, failed: [] };
  const found = await findDeadLetters(parts, deadLetters);
  const discardsTopic = parts.topicPrefix + DISCARDS_TOPIC;
  const discards = collectDiscards(await readWholeTopic(parts.kafka, discardsTopic), hashOfValue);
  const ready = deadLetters.filter((deadLetter) => {
    const record = found.get(nameOf(deadLetter.position));
    if (record === undefined) {
      result.failed.push({ deadLetter, reason: reasonOfAbsence(deadLetter) });
      return false;
    }
    // Redis is rebuilt without it: applied to the tables, the two would differ for ever.
    const isDiscarded = discards.has(deadLetter.position, record.value);
    if (isDiscarded) result.failed.push({ deadLetter, reason: DISCARDED });
    return !isDiscarded;
  });
  if (ready.length === 0) return result;
  const producer = createProducer(parts.kafka);
  try {
    for (let start = 0; start < ready.length; start += DEAD_LETTERS_AT_ONCE) {
      const some = ready.slice(start, start + DEAD_LETTERS_AT_ONCE);
      try {
        const redriven = await redriveSome(parts.db, producer, some, found);
        result.redriven += redriven;
        result.left += some.length - redriven;
      } catch (error) {
        const reason = messageOf(error);
        result.failed.push(...some.map((deadLetter) => ({ deadLetter, reason })));
      }
    }
  } finally {
    await producer.close();
  }
  return result;
}

/** @returns how many were still as they had been chosen */
function redriveSome(
  db: Knex,
  producer: RecordProducer,
  deadLetters: readonly ParkedDeadLetter[],
  found: ReadonlyMap<string, KafkaRecord>,
): Promise<number> {
  return db.transaction(async (trx) => {
    const rows: { id: number }[] = await trx('dead_letters')
      .whereIn(
        'id',
        deadLetters.map(({ id }) => id),
      )
      // As they were when they were chosen: not one that somebody discarded since.
      .whereIn('status', [...new Set(deadLetters.map(({ status }) => status))])
      .forUpdate()
      .select('id');
    const waiting = new Set(rows.map(({ id }) => id));
    if (waiting.size === 0) return 0;
    const records = deadLetters
      .filter(({ id }) => waiting.has(id))
      .flatMap(({ position }) => found.get(nameOf(position)) ?? [])
      .map(({ topic, partition, key, value, headers }) => {
        return { topic, partition, key, value, headers };
      });
    const outcome = await producer.send(records, { timeoutMs: WRITE_LIMIT_MS });
    demandOffsets(outcome, 'the dead letter topic');
    await trx('dead_letters')
      .whereIn('id', [...waiting])
      .update({
        status: 'redriven',
        redrives: trx.raw('redrives + 1'),
        redriven_at: trx.raw('UTC_TIMESTAMP(3)'),
        discarded_at: null,
        discarded_by: null,
        discarded_because: null,
      });
    return waiting.size;
  });
}

/** The newest dead letter of each of these rows' originals, by `nameOf` the original's position. */
async function findDeadLetters(
  { kafka, topicPrefix }: { kafka: KafkaClient; topicPrefix: string },
  deadLetters: readonly ParkedDeadLetter[],
): Promise<Map<string, KafkaRecord>> {
  const wanted = new Set(deadLetters.map(({ position }) => nameOf(position)));
  const topicPartitions = new Set(
    deadLetters.map(({ position }) => `${position.topic}/${position.partition}`),
  );
  const ranges: LogRange[] = [];
  for (const topic of EVENT_TOPICS.filter((t) =>
    deadLetters.some(({ position }) => position.topic === t),
  )) {
    const physical = topicPrefix + deadLetterTopicOf(topic);
    for (const range of await readLogRanges(kafka, physical)) {
      if (topicPartitions.has(`${topic}/${range.partition}`)) ranges.push(range);
    }
  }
  const found = new Map<string, KafkaRecord>();
  for await (const record of readRecords(kafka, ranges)) {
    const { topic, headers } = record;
    const origin = readOrigin({ topic: topic.slice(topicPrefix.length), headers });
    if (origin === null || origin.offset === null) continue;
    const name = nameOf({ ...origin, offset: origin.offset });
    if (wanted.has(name)) found.set(name, record);
  }
  return found;
}

function nameOf({ topic, partition, offset }: Position): string {
  return `${topic}/${partition}/${offset}`;
}

function reasonOfAbsence({ position: { topic } }: ParkedDeadLetter): string {
  const isOfTheLog = EVENT_TOPICS.some((name) => name === topic);
  return isOfTheLog
    ? `there is no dead letter of it in ${deadLetterTopicOf(topic)}`
    : 'it never was in the log: it can only be discarded';
}
