// Invariants 6 and 9: what clients were answered under their keys, and whether refusals were true.
import type { CouponCreated } from '../../domain/coupon-events.ts';
import type {
  AnsweredAssignment,
  ClientAnswer,
  ClientLedger,
  Refusal,
  SystemFacts,
} from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import type { JudgedLog } from '../judge-log.ts';

type Refused = ClientAnswer & { kind: 'refused' };

/**
 * 6: a key is always answered with the same assignment, at most one of its answers is not marked as a replay, no
 * refusal comes after an acceptance, and a user has no more assignments than keys. A refusal binds
 * nothing: an acceptance may follow it.
 */
export function checkSameAnswer(log: JudgedLog, ledger: ClientLedger): Finding {
  return findingOf(6, 'same key, same answer', (breach) => {
    const byKey = Map.groupBy(ledger.answers, ({ key }) => key);
    let repeated = 0;
    for (const [key, answers] of byKey) {
      if (answers.length === 1) continue;
      repeated += 1;
      checkKey(key, answers, breach);
    }
    const byUser = Map.groupBy(ledger.answers, ({ userId }) => userId);
    for (const [userId, held] of log.coupons.get(ledger.couponId)?.assignments ?? []) {
      // A user who is still waiting may have asked under keys that are not in the ledger.
      if (ledger.unknownUsers.has(userId)) continue;
      const keys = new Set(byUser.get(userId)?.map(({ key }) => key)).size;
      // A user who is not in the ledger at all is an orphan, which invariant 3 reports.
      if (keys > 0 && held.length > keys) {
        breach(`user ${userId}: ${held.length} assignments under ${keys} key(s)`);
      }
    }
    return { keys: byKey.size, repeated, answers: ledger.answers.length };
  });
}

function checkKey(key: string, answers: readonly ClientAnswer[], breach: ReportBreach): void {
  const accepted = answers.filter((answer) => answer.kind === 'accepted');
  const [first] = accepted;
  if (first === undefined) return;
  for (const { assignment } of accepted) {
    if (isSameAssignment(first.assignment, assignment)) continue;
    const ids = `${first.assignment.assignmentId} and ${assignment.assignmentId}`;
    breach(`key ${key}: answered with ${ids}, or with different fields`);
  }
  const fresh = accepted.filter(({ replayed }) => !replayed);
  if (fresh.length > 1) breach(`key ${key}: ${fresh.length} answers that are no replay`);
  const acceptedAt = Math.min(...accepted.map(({ answeredAt }) => answeredAt));
  for (const { kind, userId, sentAt } of answers) {
    if (kind === 'refused' && userId === first.userId && sentAt > acceptedAt) {
      breach(`key ${key}: refused to user ${userId} after it was accepted`);
    }
  }
}

function isSameAssignment(one: AnsweredAssignment, other: AnsweredAssignment): boolean {
  return (
    one.assignmentId === other.assignmentId &&
    one.sequence === other.sequence &&
    one.assignedAt === other.assignedAt
  );
}

/**
 * 9: a refusal was true when it was answered, as far as that can be known afterwards.
 * - `limit-reached` names at least as many assignments as the limit, each of them this user's, and in
 *   the log for good.
 * - `sold-out`: by then, as many units had been decided on as there are. Stock never comes back yet, so
 *   a process that remembers "sold out" for 100 ms can't be wrong; once it can come back, the 100 ms
 *   before the request count too. A refusal from before the last epoch began may have been about
 *   reservations of unanswered requests, and that were lost with it: where the log alone does not
 *   bear it out, it is counted as in doubt.
 * - `not-started`, `ended`: the coupon's own dates against the moments of the request.
 * - `coupon-not-found`: never true, since the clients of a ledger ask for a coupon that is there.
 * - `key-reused`: only when somebody else used the key.
 * Moments of clients and of Redis are compared with `clockDoubtMs` in favour of the service.
 */
export function checkRefusals(facts: SystemFacts, log: JudgedLog, ledger: ClientLedger): Finding {
  return findingOf(9, 'every refusal was true', (breach) => {
    const refusals = ledger.answers.filter((answer) => answer.kind === 'refused');
    const count = (wanted: Refusal): number =>
      refusals.filter(({ refusal }) => refusal === wanted).length;
    const judge = createJudge(facts, log, ledger);
    let inDoubt = 0;
    for (const refused of refusals) {
      const falsehood = judge(refused);
      if (falsehood === 'in doubt') inDoubt += 1;
      else if (falsehood !== null)
        breach(`user ${refused.userId}, answered ${refused.refusal}: ${falsehood}`);
    }
    return {
      refusals: refusals.length,
      'sold out': count('sold-out'),
      'limit reached': count('limit-reached'),
      'in doubt': inDoubt,
      other: count('other'),
    };
  });
}

/** Why a refusal was false; `in doubt` when that can't be known; null when it was true. */
type Judge = (refused: Refused) => string | null;

function createJudge(facts: SystemFacts, log: JudgedLog, ledger: ClientLedger): Judge {
  const { couponId, clockDoubtMs: doubtMs } = ledger;
  const created = log.coupons.get(couponId)?.created ?? null;
  const takenAt = momentsOfUnits(facts, log, couponId);
  const epochBeganAt = lastEpochBeganAt(facts);
  const usersOfKeys = new Map<string, Set<string>>();
  for (const { key, userId } of ledger.answers) {
    const users = usersOfKeys.get(key) ?? new Set();
    usersOfKeys.set(key, users.add(userId));
  }

  const judgeSoldOut = ({ sentAt, answeredAt }: Refused, { quantity }: CouponCreated) => {
    const taken = countUpTo(takenAt, answeredAt + doubtMs);
    if (taken >= quantity) return null;
    if (sentAt - doubtMs <= epochBeganAt) return 'in doubt';
    return `${taken} of ${quantity} units were taken by then`;
  };
  const judgeByDates = (refused: Refused, { startDate, endDate }: CouponCreated) => {
    if (refused.refusal === 'not-started') {
      return refused.sentAt - doubtMs < startDate ? null : 'it had started';
    }
    return refused.answeredAt + doubtMs >= endDate ? null : 'it had not ended';
  };

  return (refused) => {
    switch (refused.refusal) {
      case 'other':
        return null;
      case 'coupon-not-found':
        return 'the coupon was created before anybody asked';
      case 'key-reused': {
        const users = usersOfKeys.get(refused.key)?.size ?? 0;
        return users > 1 ? null : `nobody else used the key ${refused.key}`;
      }
      case 'sold-out':
        // Invariants 1 and 3 report that it is not in the log; so below.
        return created === null ? 'in doubt' : judgeSoldOut(refused, created);
      case 'limit-reached':
        return created === null ? 'in doubt' : judgeLimit(refused, created, log);
      case 'not-started':
      case 'ended':
        return created === null ? 'in doubt' : judgeByDates(refused, created);
    }
  };
}

function judgeLimit(
  { userId, named }: Refused,
  { couponId, perUserLimit }: CouponCreated,
  log: JudgedLog,
): string | null {
  if (new Set(named).size < perUserLimit) {
    return `it names ${named.length} assignment(s), the limit is ${perUserLimit}`;
  }
  const strange = named.find((id) => {
    const event = log.events.get(id)?.event;
    return !(
      event?.type === 'CouponAssigned' &&
      event.userId === userId &&
      event.couponId === couponId
    );
  });
  return strange === undefined ? null : `${strange} is no assignment of this user`;
}

/** When each unit that is taken was decided on, in order: those in the log, and those on their way. */
function momentsOfUnits({ redis }: SystemFacts, log: JudgedLog, couponId: string): number[] {
  const moments: number[] = [];
  for (const held of log.coupons.get(couponId)?.assignments.values() ?? []) {
    for (const { occurredAt } of held) moments.push(occurredAt);
  }
  for (const held of redis.coupons.get(couponId)?.holders.values() ?? []) {
    for (const { assignmentId, assignedAt } of held) {
      if (!log.events.has(assignmentId)) moments.push(assignedAt);
    }
  }
  return moments.sort((a, b) => a - b);
}

function countUpTo(sorted: readonly number[], moment: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** When the newest epoch in the log had marked it; the beginning of time when none has. */
function lastEpochBeganAt({ log }: SystemFacts): number {
  let newest = { epoch: -1, at: Number.NEGATIVE_INFINITY };
  for (const { records } of log) {
    for (const { event } of records) {
      if (event?.type !== 'EpochStarted' || event.epoch < newest.epoch) continue;
      const at = event.epoch === newest.epoch ? Math.max(newest.at, event.occurredAt) : null;
      newest = { epoch: event.epoch, at: at ?? event.occurredAt };
    }
  }
  return newest.at;
}
