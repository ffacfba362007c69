// Invariant 5: the read model is the fold of the log, up to where the projection has got.

import { topicPartitionOf } from '../../contracts/position.ts';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';
import {
  type AssignmentRow,
  type CouponRow,
  positionOf,
  type SystemFacts,
  type TableFacts,
} from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import type { EventRecord, JudgedLog } from '../judge-log.ts';
import { countRows } from './check-stock.ts';

/**
 * 5: row by row, the tables hold what follows from the log below the checkpoints, and the
 * checkpoints have reached what was in the log when the verification began. An event without a row
 * that is in the dead letter topic is not missing here: invariant 8 counts it.
 */
export function checkReadModel(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(5, 'the read model is the fold of the log', (breach) => {
    const { tables } = facts;
    const reached = checkpointsOf(tables);
    const isReached = ({ topicPartition, offset }: EventRecord): boolean =>
      offset < (reached.get(topicPartition) ?? 0);
    const { missing, different } = checkRowsOfEvents(facts, log, isReached, breach);
    return {
      coupons: tables.coupons.size,
      assignments: tables.assignments.size,
      missing,
      extra:
        checkEventsOfRows('coupon', tables.coupons.keys(), log, isReached, breach) +
        checkEventsOfRows('assignment', tables.assignments.keys(), log, isReached, breach),
      different,
      'wrong counters': checkCounters(tables, breach),
      behind: checkReached(facts, reached, breach),
    };
  });
}

/** How far the projection has got, by `topicPartitionOf`. */
export function checkpointsOf({
  checkpoints,
}: Pick<TableFacts, 'checkpoints'>): Map<string, number> {
  return new Map(
    checkpoints.map(({ topic, partition, nextOffset }) => [
      topicPartitionOf(topic, partition),
      nextOffset,
    ]),
  );
}

/** Is there a row for this event, and does it say what the event says? */
export function compareWithRow(
  { event }: EventRecord,
  tables: TableFacts,
): 'same' | 'different' | 'missing' {
  switch (event.type) {
    case 'CouponCreated': {
      const row = tables.coupons.get(event.couponId);
      if (row === undefined) return 'missing';
      return isCouponAs(row, event) ? 'same' : 'different';
    }
    case 'CouponAssigned': {
      const row = tables.assignments.get(event.assignmentId);
      if (row === undefined) return 'missing';
      return isAssignmentAs(row, event) ? 'same' : 'different';
    }
  }
}

// Field by field, without an object a row in between: this runs three times for each of a million.
function isCouponAs(row: CouponRow, event: CouponCreated): boolean {
  return (
    row.title === event.title &&
    row.quantity === event.quantity &&
    row.perUserLimit === event.perUserLimit &&
    row.startDate === event.startDate &&
    row.endDate === event.endDate &&
    row.createdAt === event.occurredAt &&
    row.epoch === event.epoch
  );
}

function isAssignmentAs(row: AssignmentRow, event: CouponAssigned): boolean {
  return (
    row.couponId === event.couponId &&
    row.userId === event.userId &&
    row.nthOfUser === event.nthOfUser &&
    row.sequence === event.sequence &&
    row.assignedAt === event.occurredAt &&
    row.epoch === event.epoch
  );
}

function checkRowsOfEvents(
  { tables, deadLetters }: SystemFacts,
  log: JudgedLog,
  isReached: (record: EventRecord) => boolean,
  breach: ReportBreach,
): { missing: number; different: number } {
  const counts = { missing: 0, different: 0 };
  for (const record of log.events.values()) {
    if (!isReached(record)) continue;
    const found = compareWithRow(record, tables);
    if (found === 'same') continue;
    const position = positionOf(record.topicPartition, record.offset);
    if (found === 'missing' && deadLetters.has(position)) continue;
    counts[found] += 1;
    breach(`${found} row: ${nameOf(record)} at ${position}`);
  }
  return counts;
}

function checkEventsOfRows(
  what: string,
  ids: Iterable<string>,
  log: JudgedLog,
  isReached: (record: EventRecord) => boolean,
  breach: ReportBreach,
): number {
  let extra = 0;
  for (const id of ids) {
    const record = log.events.get(id);
    if (record !== undefined && isReached(record)) continue;
    extra += 1;
    breach(
      record === undefined
        ? `extra row: ${what} ${id} follows from nothing in the log`
        : `extra row: ${what} ${id} is ahead of the checkpoint`,
    );
  }
  return extra;
}

function nameOf({ event }: EventRecord): string {
  return event.type === 'CouponCreated'
    ? `coupon ${event.couponId}`
    : `assignment ${event.assignmentId}`;
}

function checkCounters(tables: TableFacts, breach: ReportBreach): number {
  const rows = countRows(tables);
  let wrong = 0;
  for (const couponId of new Set([...rows.keys(), ...tables.issued.keys()])) {
    const issued = tables.issued.get(couponId) ?? 0;
    const counted = rows.get(couponId) ?? 0;
    if (issued === counted) continue;
    wrong += 1;
    breach(`coupon ${couponId}: counter says ${issued} issued, there are ${counted} rows`);
  }
  return wrong;
}

/** @returns the records that were in the log at the beginning, and that the projection has not reached */
function checkReached(
  facts: SystemFacts,
  reached: ReadonlyMap<string, number>,
  breach: ReportBreach,
): number {
  let behind = 0;
  for (const { topic, partition, firstOffset } of facts.log) {
    const topicPartition = topicPartitionOf(topic, partition);
    const target = facts.projectionTarget.get(topicPartition) ?? 0;
    const next = reached.get(topicPartition) ?? firstOffset;
    if (next >= target) continue;
    behind += target - next;
    breach(`${topicPartition}: the projection is at ${next}, the log was at ${target}`);
  }
  return behind;
}
