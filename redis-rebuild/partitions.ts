// In which partitions an epoch is marked, and that none is missing. A broker that lags behind may list
// fewer than there are; what an older gate let into the others would not be folded, and would go on
// counting without a marker before it (docs/guarantees.md P19, docs/adr/0013).
import type { Discards } from '../contracts/discard.ts';
import { MalformedEvent } from '../contracts/event-record.ts';
import { type Partitions, parsePartitions } from '../contracts/partitions.ts';
import { EPOCHS_TOPIC, EVENT_TOPICS } from '../contracts/topics.ts';
import { AppError } from '../platform/errors.ts';
import { readLogRanges } from '../platform/kafka/admin.ts';
import { readRecords } from '../platform/kafka/range-reader.ts';
import type { KafkaRecord } from '../platform/kafka/record.ts';
import type { EventPartition, Log } from './log.ts';
import { type Reading, readWith } from './read-event.ts';

/**
 * How many partitions each event topic has, by this listing of them.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when the listing is not whole
 */
export function countPartitions(listed: readonly EventPartition[]): Partitions {
  const count = (topic: string): number => {
    const found = listed
      .filter((candidate) => candidate.topic === topic)
      .map(({ partition }) => partition);
    const isWhole = found.toSorted((a, b) => a - b).every((partition, n) => partition === n);
    if (found.length === 0 || !isWhole) throw unseen(`${topic} is listed with ${found}`);
    return found.length;
  };
  return { 'coupon-lifecycle': count('coupon-lifecycle'), 'coupon-assign': count('coupon-assign') };
}

/**
 * Looks at every claim before that of `epoch`, or (null) at all of them: `partitions` are at least those
 * that it names. A gate is opened for the partitions of its claim, and this is asked after the own claim,
 * so no gate that was ever opened before is left out. It is asked before the own claim, too: then a claim that can't
 * be read ends the attempt while every gate is as it was.
 * @throws AppError KAFKA_UNAVAILABLE (retriable) when there are more than the brokers listed, or the
 * claims can't be read; TOPIC_MISMATCH (not retriable) when a claim is of a version after this one;
 * RECORD_UNREADABLE (not retriable) when one can't be read and was not discarded
 */
export async function demandEveryPartition(
  { kafka, codec, topicPrefix }: Log,
  discards: Discards,
  epoch: number | null,
  partitions: Partitions,
): Promise<void> {
  const topic = topicPrefix + EPOCHS_TOPIC;
  const ranges = (await readLogRanges(kafka, topic)).map((range) => ({
    ...range,
    to: epoch === null ? range.to : BigInt(epoch),
  }));
  for await (const record of readRecords(kafka, ranges)) {
    const { offset } = record;
    const text = await readPartitions({ codec, discards }, record);
    // Claims of the first version, and those that an operator discarded, name none.
    if (text === '') continue;
    const claimed = parsePartitions(text);
    if (claimed === null) {
      const reason = `the claim of epoch ${offset} names its partitions in a form that this version does not know`;
      throw new AppError('TOPIC_MISMATCH', reason, { retriable: false });
    }
    for (const name of EVENT_TOPICS) {
      if (claimed[name] > partitions[name]) {
        throw unseen(
          `${name} is listed with ${partitions[name]} partition(s), and epoch ${offset} was claimed for ${claimed[name]}`,
        );
      }
    }
  }
}

async function readPartitions(reading: Reading, record: KafkaRecord): Promise<string> {
  const position = { ...record, topic: EPOCHS_TOPIC };
  const found = await readWith(reading, position, record.value, ({ name, event }) => {
    if (name !== 'EpochClaimed') throw new MalformedEvent(name, 'not a claim of an epoch');
    return event.partitions;
  });
  if (found.kind === 'unreadable') throw found.error;
  return found.kind === 'read' && typeof found.content === 'string' ? found.content : '';
}

function unseen(reason: string): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `not every partition is seen: ${reason}`, {
    retriable: true,
  });
}
