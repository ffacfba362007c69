// Invariants 7 and 8: what became of every record below the projection's checkpoints.

import { type Checkpoint, type Facts, type LogPartition, placeOf, positionOf } from '../facts.ts';
import { type Finding, findingOf } from '../finding.ts';
import {
  type EventRecord,
  type FoldedLog,
  highestMarkerBelow,
  type JudgedRecord,
} from '../judge-log.ts';
import { checkpointsOf, compareWithRow } from './check-read-model.ts';

type Breach = (example: string) => void;
type Fate = 'applied' | 'repeated' | 'fenced' | 'marker' | 'dead-lettered' | 'none' | 'several';

/**
 * 7: no checkpoint is past the end of its partition, none has a record below it that was neither
 * applied nor dead-lettered, and each knows the highest marker below it.
 */
export function checkCheckpoints(facts: Facts, log: FoldedLog): Finding {
  return findingOf(7, 'no checkpoint is ahead of what was applied', (breach) => {
    const partitions = new Map(facts.log.map((p) => [placeOf(p.topic, p.partition), p]));
    let lag = 0;
    for (const checkpoint of facts.tables.checkpoints) {
      const place = placeOf(checkpoint.topic, checkpoint.partition);
      const partition = partitions.get(place);
      if (partition === undefined) {
        breach(`${place}: there is a checkpoint, but no such partition`);
        continue;
      }
      lag += Math.max(0, partition.endOffset - checkpoint.nextOffset);
      checkCheckpoint(place, checkpoint, partition, breach);
    }
    let unapplied = 0;
    for (const { record, fate } of consumed(facts, log)) {
      if (fate !== 'none' || record.kind === 'unreadable') continue;
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
export function checkFates(facts: Facts, log: FoldedLog): Finding {
  return findingOf(8, 'every consumed record has exactly one fate', (breach) => {
    const counts: Record<Fate, number> = {
      applied: 0,
      repeated: 0,
      fenced: 0,
      marker: 0,
      'dead-lettered': 0,
      none: 0,
      several: 0,
    };
    const byPlace = new Map<string, Tally>();
    for (const { record, fate } of consumed(facts, log)) {
      counts[fate] += 1;
      if (fate === 'none') breach(`${nameOf(record)} was consumed and left no trace`);
      if (fate === 'several') breach(`${nameOf(record)} has more than one fate`);
      tally(byPlace, record, isDeadLetter(record, facts));
    }
    // Of one coupon alone the counters, which are the partition's, say nothing.
    if (facts.couponId === null) {
      for (const checkpoint of facts.tables.checkpoints) {
        checkOwnCounters(checkpoint, facts.log, byPlace, breach);
      }
    }
    return counts;
  });
}

function checkCheckpoint(
  place: string,
  { nextOffset, highestMarker }: Checkpoint,
  partition: LogPartition,
  breach: Breach,
): void {
  if (nextOffset > partition.endOffset) {
    breach(`${place}: checkpoint ${nextOffset}, but the log ends at ${partition.endOffset}`);
  }
  const marker = highestMarkerBelow(partition, nextOffset);
  if (marker !== highestMarker) {
    breach(`${place}: checkpoint with marker ${highestMarker}, the log has ${marker} below it`);
  }
}

function* consumed(
  facts: Facts,
  log: FoldedLog,
): Generator<{ record: JudgedRecord; fate: Fate }, void> {
  const reached = checkpointsOf(facts.tables);
  for (const record of log.records) {
    if (record.offset >= (reached.get(record.place) ?? 0)) continue;
    yield { record, fate: fateOf(record, facts, log) };
  }
}

function fateOf(record: JudgedRecord, facts: Facts, log: FoldedLog): Fate {
  const isDead = isDeadLetter(record, facts);
  switch (record.kind) {
    case 'marker':
      return isDead ? 'several' : 'marker';
    case 'unreadable':
      return isDead ? 'dead-lettered' : 'none';
    case 'fenced':
      return isDead || isAppliedAlthoughFenced(record, facts, log) ? 'several' : 'fenced';
    case 'event':
    case 'repeat':
      return fateOfEvent(record, isDead, facts);
  }
}

function fateOfEvent(record: EventRecord, isDead: boolean, facts: Facts): Fate {
  const row = compareWithRow(record, facts.tables);
  // A dead letter that was tried again may have been applied since; then it is parked no more.
  if (isDead) return isParked(record, facts) && row === 'same' ? 'several' : 'dead-lettered';
  if (row === 'missing') return 'none';
  return record.kind === 'repeat' ? 'repeated' : 'applied';
}

// A copy of the same event that counts may have brought the row; then the fenced one did nothing.
function isAppliedAlthoughFenced(record: EventRecord, facts: Facts, log: FoldedLog): boolean {
  return (
    !log.events.has(record.event.eventId) && compareWithRow(record, facts.tables) !== 'missing'
  );
}

function isParked({ place, offset }: JudgedRecord, { tables: { parked } }: Facts): boolean {
  return parked.size > 0 && parked.has(positionOf(place, offset));
}

function isDeadLetter(record: JudgedRecord, facts: Facts): boolean {
  const { deadLetters } = facts;
  const isDead = deadLetters.size > 0 && deadLetters.has(positionOf(record.place, record.offset));
  return isDead || isParked(record, facts);
}

type Tally = { fenced: number; markers: number; dead: number };

function tally(byPlace: Map<string, Tally>, record: JudgedRecord, isDead: boolean): void {
  const counted = byPlace.get(record.place) ?? { fenced: 0, markers: 0, dead: 0 };
  byPlace.set(record.place, counted);
  if (record.kind === 'fenced') counted.fenced += 1;
  if (record.kind === 'marker') counted.markers += 1;
  if (isDead) counted.dead += 1;
}

function checkOwnCounters(
  checkpoint: Checkpoint,
  log: readonly LogPartition[],
  byPlace: ReadonlyMap<string, Tally>,
  breach: Breach,
): void {
  const { topic, partition, nextOffset, applied, repeated, fenced, markers, deadLettered } =
    checkpoint;
  const place = placeOf(topic, partition);
  const firstOffset =
    log.find((p) => p.topic === topic && p.partition === partition)?.firstOffset ?? 0;
  const counted = applied + repeated + fenced + markers + deadLettered;
  if (counted !== nextOffset - firstOffset) {
    breach(
      `${place}: the counters know ${counted} records, consumed were ${nextOffset - firstOffset}`,
    );
  }
  const found = byPlace.get(place) ?? { fenced: 0, markers: 0, dead: 0 };
  if (fenced !== found.fenced) {
    breach(`${place}: ${fenced} counted as fenced, ${found.fenced} are`);
  }
  if (markers !== found.markers) {
    breach(`${place}: ${markers} counted as markers, ${found.markers} are`);
  }
  if (deadLettered > found.dead) {
    breach(`${place}: ${deadLettered} counted as dead letters, ${found.dead} are there`);
  }
}

function nameOf(record: JudgedRecord): string {
  return `${record.kind} at ${positionOf(record.place, record.offset)}`;
}
