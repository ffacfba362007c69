// Invariants 1 and 2: never one coupon too many, neither of the whole nor to one user. Each of the
// log, the read model and Redis is held against its own word.
import type { Coupon } from '../../domain/coupon.ts';
import type { RedisCoupon, SystemFacts, TableFacts } from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import type { JudgedLog } from '../judge-log.ts';

/** 1: assigned <= quantity for each coupon, no unit given twice, and no stock below zero. */
export function checkQuantity(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(1, 'never more assigned than the quantity', (breach) => ({
    coupons: log.coupons.size,
    'in the log': sum(log.coupons, (id, coupon) => quantityInLog(id, coupon, breach)),
    'in the tables': quantityInTables(facts.tables, breach),
    'in Redis': sum(facts.redis.coupons, (id, coupon) => quantityInRedis(id, coupon, breach)),
  }));
}

/** 2: assignments of one coupon to one user <= the limit. */
export function checkUserLimit(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(2, 'never more to one user than the limit', (breach) => ({
    'users in the log': sum(log.coupons, (id, coupon) => limitInLog(id, coupon, breach)),
    'users in the tables': limitInTables(facts.tables, breach),
    'users in Redis': sum(facts.redis.coupons, (id, coupon) => limitInRedis(id, coupon, breach)),
  }));
}

/** How many assignments the holders of a coupon in Redis have together. */
export function countHeld({ holders }: RedisCoupon): number {
  let held = 0;
  for (const assignments of holders.values()) held += assignments.length;
  return held;
}

/** Rows of the read model by coupon id. */
export function countRows({ assignments }: TableFacts): Map<string, number> {
  const rows = new Map<string, number>();
  for (const { couponId } of assignments.values()) {
    rows.set(couponId, (rows.get(couponId) ?? 0) + 1);
  }
  return rows;
}

function sum<T>(byId: ReadonlyMap<string, T>, countOf: (id: string, value: T) => number): number {
  let total = 0;
  for (const [id, value] of byId) total += countOf(id, value);
  return total;
}

function quantityInLog(couponId: string, coupon: Coupon, breach: ReportBreach): number {
  if (coupon.created === null) {
    breach(`coupon ${couponId}: ${coupon.issued} assigned in the log, which has no such coupon`);
  } else if (coupon.issued > coupon.created.quantity) {
    breach(
      `coupon ${couponId}: ${coupon.issued} assigned in the log, quantity ${coupon.created.quantity}`,
    );
  }
  const sequences = new Set<number>();
  for (const held of coupon.assignments.values()) {
    for (const { sequence, assignmentId } of held) {
      if (sequences.has(sequence)) {
        breach(`coupon ${couponId}: unit ${sequence} given twice, also as ${assignmentId}`);
      }
      sequences.add(sequence);
    }
  }
  return coupon.issued;
}

function quantityInTables(tables: TableFacts, breach: ReportBreach): number {
  for (const [couponId, rows] of countRows(tables)) {
    // Without its coupon a row has no quantity to break; that it lacks it is invariant 5.
    const quantity = tables.coupons.get(couponId)?.quantity ?? rows;
    if (rows > quantity) {
      breach(`coupon ${couponId}: ${rows} rows in the tables, quantity ${quantity}`);
    }
  }
  return tables.assignments.size;
}

function quantityInRedis(couponId: string, coupon: RedisCoupon, breach: ReportBreach): number {
  const held = countHeld(coupon);
  if (coupon.state === null) return held;
  const { quantity, remaining } = coupon.state;
  if (held > quantity) breach(`coupon ${couponId}: ${held} held in Redis, quantity ${quantity}`);
  if (remaining < 0) breach(`coupon ${couponId}: ${remaining} remaining in Redis`);
  return held;
}

function limitInLog(
  couponId: string,
  { created, assignments }: Coupon,
  breach: ReportBreach,
): number {
  for (const [userId, held] of assignments) {
    if (created !== null && held.length > created.perUserLimit) {
      breach(overLimit(couponId, userId, held.length, 'in the log', created.perUserLimit));
    }
    if (held.length > 1 && new Set(held.map(({ nthOfUser }) => nthOfUser)).size < held.length) {
      breach(`coupon ${couponId}, user ${userId}: two assignments in the log have one number`);
    }
  }
  return assignments.size;
}

function limitInTables({ assignments, coupons }: TableFacts, breach: ReportBreach): number {
  const byCoupon = new Map<string, Map<string, number>>();
  for (const { couponId, userId } of assignments.values()) {
    const byUser = byCoupon.get(couponId) ?? new Map<string, number>();
    if (byUser.size === 0) byCoupon.set(couponId, byUser);
    byUser.set(userId, (byUser.get(userId) ?? 0) + 1);
  }
  return sum(byCoupon, (couponId, byUser) => {
    const limit = coupons.get(couponId)?.perUserLimit ?? Number.POSITIVE_INFINITY;
    for (const [userId, held] of byUser) {
      if (held > limit) breach(overLimit(couponId, userId, held, 'in the tables', limit));
    }
    return byUser.size;
  });
}

function limitInRedis(
  couponId: string,
  { state, holders }: RedisCoupon,
  breach: ReportBreach,
): number {
  const limit = state?.perUserLimit ?? Number.POSITIVE_INFINITY;
  for (const [userId, { length }] of holders) {
    if (length > limit) breach(overLimit(couponId, userId, length, 'in Redis', limit));
  }
  return holders.size;
}

function overLimit(
  couponId: string,
  userId: string,
  held: number,
  where: string,
  limit: number,
): string {
  return `coupon ${couponId}, user ${userId}: ${held} held ${where}, limit ${limit}`;
}
