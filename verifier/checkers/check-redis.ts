// Invariant 4: Redis is what follows from the log, and its outboxes drain.

import { topicPartitionOf } from '../../contracts/position.ts';
import type { Coupon } from '../../domain/coupon.ts';
import type { CouponAssigned, CouponCreated } from '../../domain/coupon-events.ts';
import type { RedisAssignment, RedisCoupon, RedisCouponState, SystemFacts } from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import { type EventRecord, highestMarkerBelow, type JudgedLog } from '../judge-log.ts';
import { countHeld } from './check-stock.ts';

/**
 * 4: for each coupon, quantity - remaining = the units held = the events that hold a unit, each with
 * its holder; no event stays in an outbox, or leaves it unless the log has it or it is a dead letter
 * (then its unit stays taken until the next rebuild); gate, coupons and log are of one epoch. Exact also while
 * requests come in: an event of the log has its holder if it was there before Redis was read, and a
 * holder has its event if that is there now, or still in the outbox.
 */
export function checkRedis(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(4, 'Redis is what follows from the log', (breach) => {
    checkGate(facts, breach);
    const numbers = {
      ...{ coupons: 0, taken: 0, held: 0, events: 0 },
      ...{ 'in outboxes': 0, quarantined: 0, unsteady: 0 },
    };
    for (const [couponId, coupon] of facts.redis.coupons) {
      numbers['in outboxes'] += coupon.outbox.length;
      numbers.unsteady += coupon.steady ? 0 : 1;
      numbers.held += checkHolders(couponId, coupon, log, breach);
      numbers.quarantined += coupon.quarantined.length;
      checkOutbox(couponId, coupon, facts.redis.beganAt, breach);
      checkQuarantine(couponId, coupon, facts, breach);
      if (coupon.state === null) continue;
      numbers.coupons += 1;
      numbers.taken += coupon.state.quantity - coupon.state.remaining;
      checkState(couponId, coupon, coupon.state, facts, log, breach);
    }
    for (const [couponId, coupon] of log.coupons) {
      numbers.events += coupon.issued;
      checkLogIsHeld(couponId, coupon, facts, log, breach);
    }
    return numbers;
  });
}

function checkGate({ redis: { gateEpoch }, log }: SystemFacts, breach: ReportBreach): void {
  if (gateEpoch === null) {
    breach('there is no gate');
    return;
  }
  for (const partition of log) {
    const marker = highestMarkerBelow(partition, partition.endOffset);
    if (marker !== null && marker !== gateEpoch) {
      const topicPartition = topicPartitionOf(partition.topic, partition.partition);
      breach(`gate of epoch ${gateEpoch}, but ${topicPartition} is marked with epoch ${marker}`);
    }
  }
}

function checkState(
  couponId: string,
  coupon: RedisCoupon,
  state: RedisCouponState,
  { redis: { gateEpoch } }: SystemFacts,
  log: JudgedLog,
  breach: ReportBreach,
): void {
  const held = countHeld(coupon);
  const taken = state.quantity - state.remaining;
  if (coupon.steady && taken !== held) {
    breach(`coupon ${couponId}: ${taken} taken from the stock in Redis, ${held} held`);
  }
  if (gateEpoch !== null && state.epoch !== gateEpoch) {
    breach(`coupon ${couponId}: epoch ${state.epoch} in Redis, gate of epoch ${gateEpoch}`);
  }
  const created = log.coupons.get(couponId)?.created ?? null;
  if (created !== null) {
    const different = differentFields(state, created);
    if (different.length > 0) {
      breach(`coupon ${couponId}: ${different.join(', ')} in Redis not as in the log`);
    }
  } else if (!state.pendingCreation) {
    breach(`coupon ${couponId}: in Redis, but its creation is not in the log`);
  }
}

function differentFields(state: RedisCouponState, created: CouponCreated): string[] {
  const expected = {
    title: created.title,
    quantity: created.quantity,
    startDate: created.startDate,
    endDate: created.endDate,
    perUserLimit: created.perUserLimit,
    createdAt: created.occurredAt,
  };
  return Object.entries(expected)
    .filter(([field, value]) => state[field as keyof typeof expected] !== value)
    .map(([field]) => field);
}

/** Every holder has its event, or waits in the outbox, or was quarantined. @returns how many there are */
function checkHolders(
  couponId: string,
  coupon: RedisCoupon,
  log: JudgedLog,
  breach: ReportBreach,
): number {
  const decided = new Set([...coupon.outbox.map(({ eventId }) => eventId), ...coupon.quarantined]);
  let count = 0;
  for (const [userId, held] of coupon.holders) {
    for (const assignment of held) {
      count += 1;
      const event = log.events.get(assignment.assignmentId)?.event;
      const isSame = event?.type === 'CouponAssigned' && isHeldAs(assignment, event, userId);
      if (isSame || (event === undefined && decided.has(assignment.assignmentId))) continue;
      const what = event === undefined ? 'has no event' : 'differs from its event';
      breach(`coupon ${couponId}, user ${userId}: held ${assignment.assignmentId} ${what}`);
    }
  }
  return count;
}

function isHeldAs(held: RedisAssignment, event: CouponAssigned, userId: string): boolean {
  return (
    event.userId === userId &&
    event.sequence === held.sequence &&
    event.occurredAt === held.assignedAt &&
    event.nthOfUser === (held.nthOfUser ?? event.nthOfUser)
  );
}

function checkOutbox(
  couponId: string,
  { outbox, quarantined, state }: RedisCoupon,
  beganAt: number,
  breach: ReportBreach,
): void {
  for (const { eventId, decidedAt } of outbox) {
    // What was decided since the verification began is on its way, not stuck.
    if (decidedAt >= beganAt) continue;
    breach(`coupon ${couponId}: event ${eventId} stays in the outbox`);
  }
  const isWaiting = outbox.some(({ eventId }) => eventId === couponId);
  if (state?.pendingCreation === true && !isWaiting && !quarantined.includes(couponId)) {
    breach(`coupon ${couponId}: its creation is pending, but not in the outbox`);
  }
}

function checkQuarantine(
  couponId: string,
  { quarantined }: RedisCoupon,
  { refused }: SystemFacts,
  breach: ReportBreach,
): void {
  for (const eventId of quarantined) {
    if (refused.has(eventId)) continue;
    breach(`coupon ${couponId}: event ${eventId} left the outbox and is no dead letter`);
  }
}

/** Every event of the log from before the reading of Redis has its coupon and its holder. */
function checkLogIsHeld(
  couponId: string,
  { created, assignments }: Coupon,
  { redis }: SystemFacts,
  log: JudgedLog,
  breach: ReportBreach,
): void {
  const isEarlier = (eventId: string): boolean => {
    const record = log.events.get(eventId);
    return record !== undefined && isBelow(record, redis.logEndsBefore);
  };
  const inRedis = redis.coupons.get(couponId);
  const state = inRedis?.state ?? null;
  if (created !== null && state === null && isEarlier(created.eventId)) {
    breach(`coupon ${couponId}: in the log, not in Redis`);
  }
  let highest = 0;
  for (const event of eventsOf(assignments)) {
    if (!isEarlier(event.eventId)) continue;
    highest = Math.max(highest, event.sequence);
    const held = inRedis?.holders.get(event.userId) ?? [];
    if (held.some(({ assignmentId }) => assignmentId === event.assignmentId)) continue;
    breach(
      `coupon ${couponId}, user ${event.userId}: event ${event.assignmentId} is not held in Redis`,
    );
  }
  if (state !== null && state.lastSequence < highest) {
    breach(
      `coupon ${couponId}: last sequence ${state.lastSequence} in Redis, ${highest} in the log`,
    );
  }
}

function* eventsOf(assignments: Coupon['assignments']): Generator<CouponAssigned, void> {
  for (const held of assignments.values()) yield* held;
}

function isBelow({ topicPartition, offset }: EventRecord, ends: Map<string, number>): boolean {
  return offset < (ends.get(topicPartition) ?? 0);
}
