// Invariants 7 and 8: what became of every record below the projection's checkpoints.

import { topicPartitionOf } from '../../contracts/position.ts';
import { type CheckpointRow, type PartitionFacts, positionOf, type SystemFacts } from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import {
  type EventRecord,
  highestMarkerBelow,
  type JudgedLog,
  type JudgedRecord,
} from '../judge-log.ts';
import { checkpointsOf, compareWithRow } from './check-read-model.ts';

type Disposition =
  | 'applied'
  | 'repeated'
  | 'fenced'
  | 'marker'
  | 'dead-lettered'
  | 'none'
  | 'several';

/**
 * 7: no checkpoint is past the end of its partition, none has a record below it that was neither
 * applied nor dead-lettered, and each knows the highest marker below it.
 */
export function checkCheckpoints(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(7, 'no checkpoint is ahead of what was applied', (breach) => {
    const partitions = new Map(facts.log.map((p) => [topicPartitionOf(p.topic, p.partition), p]));
    let lag = 0;
    for (const checkpoint of facts.tables.checkpoints) {
      const topicPartition = topicPartitionOf(checkpoint.topic, checkpoint.partition);
      const partition = partitions.get(topicPartition);
      if (partition === undefined) {
        breach(`${topicPartition}: there is a checkpoint, but no such partition`);
        continue;
      }
      lag += Math.max(0, partition.endOffset - checkpoint.nextOffset);
      checkCheckpoint(topicPartition, checkpoint, partition, breach);
    }
    let unapplied = 0;
    for (const { record, disposition } of consumed(facts, log)) {
      if (disposition !== 'none' || record.kind === 'unreadable') continue;
      unapplied += 1;
      breach(`${nameOf(record)} is below the checkpoint and was not applied`);
    }
    return { partitions: partitions.size, lag, unapplied };
  });
}

/**
 * 8: every record below the checkpoint is exactly one of applied (or a repeat of what is applied),
 * fenced, marker, dead-lettered; and the projection's own counters say the same.
 */
export function checkDispositions(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(8, 'every consumed record has exactly one disposition', (breach) => {
    const counts: Record<Disposition, number> = {
      applied: 0,
      repeated: 0,
      fenced: 0,
      marker: 0,
      'dead-lettered': 0,
      none: 0,
      several: 0,
    };
    const byTopicPartition = new Map<string, Tally>();
    for (const { record, disposition } of consumed(facts, log)) {
      counts[disposition] += 1;
      if (disposition === 'none') breach(`${nameOf(record)} was consumed and left no trace`);
      if (disposition === 'several') breach(`${nameOf(record)} has more than one disposition`);
      tally(byTopicPartition, record, isDeadLetter(record, facts));
    }
    // Of one coupon alone the counters, which are the partition's, say nothing.
    if (facts.couponId === null) {
      for (const checkpoint of facts.tables.checkpoints) {
        checkOwnCounters(checkpoint, facts.log, byTopicPartition, breach);
      }
    }
    return counts;
  });
}

function checkCheckpoint(
  topicPartition: string,
  { nextOffset, highestMarker }: CheckpointRow,
  partition: PartitionFacts,
  breach: ReportBreach,
): void {
  if (nextOffset > partition.endOffset) {
    breach(
      `${topicPartition}: checkpoint ${nextOffset}, but the log ends at ${partition.endOffset}`,
    );
  }
  const marker = highestMarkerBelow(partition, nextOffset);
  if (marker !== highestMarker) {
    breach(
      `${topicPartition}: checkpoint with marker ${highestMarker}, the log has ${marker} below it`,
    );
  }
}

function* consumed(
  facts: SystemFacts,
  log: JudgedLog,
): Generator<{ record: JudgedRecord; disposition: Disposition }, void> {
  const reached = checkpointsOf(facts.tables);
  for (const record of log.records) {
    if (record.offset >= (reached.get(record.topicPartition) ?? 0)) continue;
    yield { record, disposition: dispositionOf(record, facts, log) };
  }
}

function dispositionOf(record: JudgedRecord, facts: SystemFacts, log: JudgedLog): Disposition {
  const isDead = isDeadLetter(record, facts);
  switch (record.kind) {
    case 'marker':
      return isDead ? 'several' : 'marker';
    case 'unreadable':
      return isDead ? 'dead-lettered' : 'none';
    // Whether it became a dead letter or not: an operator decided that it counts nowhere.
    case 'discarded':
      return 'dead-lettered';
    case 'fenced':
      return isDead || isAppliedAlthoughFenced(record, facts, log) ? 'several' : 'fenced';
    case 'event':
    case 'repeat':
      return dispositionOfEvent(record, isDead, facts);
  }
}

function dispositionOfEvent(record: EventRecord, isDead: boolean, facts: SystemFacts): Disposition {
  const row = compareWithRow(record, facts.tables);
  // A dead letter that was tried again may have been applied since; then it is parked no more.
  if (isDead) return isParked(record, facts) && row === 'same' ? 'several' : 'dead-lettered';
  if (row === 'missing') return 'none';
  return record.kind === 'repeat' ? 'repeated' : 'applied';
}

// A copy of the same event that counts may have brought the row; then the fenced one did nothing.
function isAppliedAlthoughFenced(record: EventRecord, facts: SystemFacts, log: JudgedLog): boolean {
  return (
    !log.events.has(record.event.eventId) && compareWithRow(record, facts.tables) !== 'missing'
  );
}

function isParked(
  { topicPartition, offset }: JudgedRecord,
  { tables: { parked } }: SystemFacts,
): boolean {
  return parked.size > 0 && parked.has(positionOf(topicPartition, offset));
}

function isDeadLetter(record: JudgedRecord, facts: SystemFacts): boolean {
  const { deadLetters } = facts;
  const isDead =
    deadLetters.size > 0 && deadLetters.has(positionOf(record.topicPartition, record.offset));
  return isDead || isParked(record, facts);
}

type Tally = { fenced: number; markers: number; dead: number };

function tally(byTopicPartition: Map<string, Tally>, record: JudgedRecord, isDead: boolean): void {
  const counted = byTopicPartition.get(record.topicPartition) ?? { fenced: 0, markers: 0, dead: 0 };
  byTopicPartition.set(record.topicPartition, counted);
  if (record.kind === 'fenced') counted.fenced += 1;
  if (record.kind === 'marker') counted.markers += 1;
  if (isDead) counted.dead += 1;
}

function checkOwnCounters(
  checkpoint: CheckpointRow,
  log: readonly PartitionFacts[],
  byTopicPartition: ReadonlyMap<string, Tally>,
  breach: ReportBreach,
): void {
  const { topic, partition, nextOffset, applied, repeated, fenced, markers, deadLettered } =
    checkpoint;
  const topicPartition = topicPartitionOf(topic, partition);
  const read = log.find((p) => p.topic === topic && p.partition === partition);
  const vacant = (read?.vacant ?? []).reduce(
    (sum, { from, to }) => sum + Math.max(0, Math.min(to, nextOffset) - from),
    0,
  );
  const consumed = nextOffset - (read?.firstOffset ?? 0) - vacant;
  const counted = applied + repeated + fenced + markers + deadLettered;
  if (counted !== consumed) {
    breach(`${topicPartition}: the counters know ${counted} records, consumed were ${consumed}`);
  }
  const found = byTopicPartition.get(topicPartition) ?? { fenced: 0, markers: 0, dead: 0 };
  if (fenced !== found.fenced) {
    breach(`${topicPartition}: ${fenced} counted as fenced, ${found.fenced} are`);
  }
  if (markers !== found.markers) {
    breach(`${topicPartition}: ${markers} counted as markers, ${found.markers} are`);
  }
  if (deadLettered > found.dead) {
    breach(`${topicPartition}: ${deadLettered} counted as dead letters, ${found.dead} are there`);
  }
}

function nameOf(record: JudgedRecord): string {
  return `${record.kind} at ${positionOf(record.topicPartition, record.offset)}`;
}
