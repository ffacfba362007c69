// Invariant 3: what the clients of a coupon were answered, against the log and the read model.
import type { CouponAssigned } from '../../domain/coupon-events.ts';
import type { AnsweredAssignment, ClientLedger, SystemFacts } from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import type { JudgedLog } from '../judge-log.ts';

/**
 * 3: every 201 has exactly one event and one row, and every event and row has a 201, or a user whose
 * request was never answered. Lost, orphan and duplicate are counted as sets of assignment ids.
 */
export function checkClient(facts: SystemFacts, log: JudgedLog, ledger: ClientLedger): Finding {
  return findingOf(3, 'what clients were answered is what happened', (breach) => {
    const { answered, duplicates } = readAnswered(ledger);
    for (const id of duplicates) breach(`duplicate: ${id} was answered under more than one key`);
    const lost = findLost(answered, facts, log, breach);
    const events = [...(log.coupons.get(ledger.couponId)?.assignments.values() ?? [])].flat();
    const rows = [...facts.tables.assignments]
      .filter(([, { couponId }]) => couponId === ledger.couponId)
      .map(([assignmentId, { userId }]) => ({ assignmentId, userId }));
    const orphans = new Set<string>();
    for (const { assignmentId, userId } of [...events, ...rows]) {
      if (answered.has(assignmentId) || ledger.unknownUsers.has(userId)) continue;
      if (orphans.has(assignmentId)) continue;
      orphans.add(assignmentId);
      breach(`orphan: ${assignmentId} of user ${userId}, with which no client was answered`);
    }
    return {
      answered: ledger.accepted.length,
      events: events.length,
      rows: rows.length,
      lost,
      orphans: orphans.size,
      duplicates: duplicates.size,
      'never answered': ledger.unknownUsers.size,
    };
  });
}

function findLost(
  answered: ReadonlyMap<string, AnsweredAssignment>,
  facts: SystemFacts,
  log: JudgedLog,
  breach: ReportBreach,
): number {
  let lost = 0;
  for (const assignment of answered.values()) {
    const missing = missingOf(assignment, facts, log);
    if (missing === null) continue;
    lost += 1;
    breach(`lost: ${assignment.assignmentId}, answered to user ${assignment.userId}: ${missing}`);
  }
  return lost;
}

function readAnswered({ accepted }: ClientLedger): {
  answered: Map<string, AnsweredAssignment>;
  duplicates: Set<string>;
} {
  const answered = new Map<string, AnsweredAssignment>();
  const duplicates = new Set<string>();
  for (const assignment of accepted) {
    if (answered.has(assignment.assignmentId)) duplicates.add(assignment.assignmentId);
    answered.set(assignment.assignmentId, assignment);
  }
  return { answered, duplicates };
}

function missingOf(
  answered: AnsweredAssignment,
  facts: SystemFacts,
  log: JudgedLog,
): string | null {
  const event = log.events.get(answered.assignmentId)?.event;
  if (event?.type !== 'CouponAssigned') return 'no event';
  if (!isAsAnswered(answered, { ...event, assignedAt: event.occurredAt })) return 'another event';
  const row = facts.tables.assignments.get(answered.assignmentId);
  if (row === undefined) return 'no row';
  return isAsAnswered(answered, row) ? null : 'another row';
}

function isAsAnswered(
  answered: AnsweredAssignment,
  found: Pick<CouponAssigned, 'userId' | 'sequence'> & { assignedAt: number },
): boolean {
  return (
    answered.userId === found.userId &&
    answered.sequence === found.sequence &&
    answered.assignedAt === found.assignedAt
  );
}
