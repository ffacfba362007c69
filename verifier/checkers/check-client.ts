// Invariant 3: what the clients of a coupon were told, against the log and the read model.
import type { CouponAssigned } from '../../domain/coupon-events.ts';
import type { ClientLedger, Facts, ToldAssignment } from '../facts.ts';
import { type Finding, findingOf } from '../finding.ts';
import type { FoldedLog } from '../judge-log.ts';

/**
 * 3: every 201 has exactly one event and one row, and every event and row has a 201, or a user whose
 * request was never answered. Lost, orphan and duplicate are counted as sets of assignment ids.
 */
export function checkClient(facts: Facts, log: FoldedLog, ledger: ClientLedger): Finding {
  return findingOf(3, 'what clients were told is what happened', (breach) => {
    const { told, duplicates } = readTold(ledger);
    for (const id of duplicates) breach(`duplicate: ${id} was told under more than one key`);
    const lost = findLost(told, facts, log, breach);
    const events = [...(log.coupons.get(ledger.couponId)?.assignments.values() ?? [])].flat();
    const rows = [...facts.tables.assignments]
      .filter(([, { couponId }]) => couponId === ledger.couponId)
      .map(([assignmentId, { userId }]) => ({ assignmentId, userId }));
    const orphans = new Set<string>();
    for (const { assignmentId, userId } of [...events, ...rows]) {
      if (told.has(assignmentId) || ledger.unknownUsers.has(userId)) continue;
      if (orphans.has(assignmentId)) continue;
      orphans.add(assignmentId);
      breach(`orphan: ${assignmentId} of user ${userId}, of which no client was told`);
    }
    return {
      told: ledger.accepted.length,
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
  told: ReadonlyMap<string, ToldAssignment>,
  facts: Facts,
  log: FoldedLog,
  breach: (example: string) => void,
): number {
  let lost = 0;
  for (const assignment of told.values()) {
    const missing = missingOf(assignment, facts, log);
    if (missing === null) continue;
    lost += 1;
    breach(`lost: ${assignment.assignmentId}, told to user ${assignment.userId}: ${missing}`);
  }
  return lost;
}

function readTold({ accepted }: ClientLedger): {
  told: Map<string, ToldAssignment>;
  duplicates: Set<string>;
} {
  const told = new Map<string, ToldAssignment>();
  const duplicates = new Set<string>();
  for (const assignment of accepted) {
    if (told.has(assignment.assignmentId)) duplicates.add(assignment.assignmentId);
    told.set(assignment.assignmentId, assignment);
  }
  return { told, duplicates };
}

function missingOf(told: ToldAssignment, facts: Facts, log: FoldedLog): string | null {
  const event = log.events.get(told.assignmentId)?.event;
  if (event?.type !== 'CouponAssigned') return 'no event';
  if (!isAsTold(told, { ...event, assignedAt: event.occurredAt })) return 'another event';
  const row = facts.tables.assignments.get(told.assignmentId);
  if (row === undefined) return 'no row';
  return isAsTold(told, row) ? null : 'another row';
}

function isAsTold(
  told: ToldAssignment,
  found: Pick<CouponAssigned, 'userId' | 'sequence'> & { assignedAt: number },
): boolean {
  return (
    told.userId === found.userId &&
    told.sequence === found.sequence &&
    told.assignedAt === found.assignedAt
  );
}
