// Invariant 10: nothing stands in the log that could not follow from what came before it.
import type { Coupon } from '../../domain/coupon.ts';
import type { CouponAssigned, CouponEvent } from '../../domain/coupon-events.ts';
import type { RedisCoupon, SystemFacts } from '../facts.ts';
import { type Finding, findingOf, type ReportBreach } from '../finding.ts';
import type { JudgedLog } from '../judge-log.ts';

/**
 * 10: every assignment that counts lies within its coupon's window, and in no epoch before that of its
 * creation, which had to be confirmed first; a later epoch goes on above the sequences of the earlier
 * ones; a user's later unit has the higher number; in the newest epoch no sequence was skipped; a
 * repeat of an event says what the event says; and no epoch is there that nobody claimed. None of
 * this compares the clocks of two servers: epochs and sequences are what orders decisions.
 */
export function checkTransitions(facts: SystemFacts, log: JudgedLog): Finding {
  return findingOf(10, 'no illegal transition in the log', (breach) => {
    const { newest, markers } = checkEpochs(facts, breach);
    let assignments = 0;
    for (const [couponId, coupon] of log.coupons) {
      const redis = facts.redis.coupons.get(couponId);
      assignments += checkCoupon(couponId, coupon, newest, breach);
      if (redis !== undefined) checkSkipped(couponId, coupon, redis, log, newest, breach);
    }
    return { assignments, repeats: checkRepeats(log, breach), markers };
  });
}

function checkEpochs(
  { log, newestClaim, redis: { gateEpoch } }: SystemFacts,
  breach: ReportBreach,
): { newest: number; markers: number } {
  const found = new Set<number>(gateEpoch === null ? [] : [gateEpoch]);
  let newest = -1;
  let markers = 0;
  for (const { event } of log.flatMap(({ records }) => records)) {
    if (event === null) continue;
    found.add(event.epoch);
    if (event.type !== 'EpochStarted') continue;
    markers += 1;
    newest = Math.max(newest, event.epoch);
  }
  for (const epoch of found) {
    if (epoch > (newestClaim ?? -1)) breach(`epoch ${epoch} was never claimed`);
  }
  return { newest, markers };
}

/** @returns how many assignments were looked at */
function checkCoupon(
  couponId: string,
  coupon: Coupon,
  newest: number,
  breach: ReportBreach,
): number {
  const spans = new Map<number, { first: number; last: number }>();
  let count = 0;
  for (const held of coupon.assignments.values()) {
    checkUser(couponId, held, breach);
    for (const event of held) {
      count += 1;
      const { epoch, sequence } = event;
      const span = spans.get(epoch) ?? { first: sequence, last: sequence };
      span.first = Math.min(span.first, sequence);
      span.last = Math.max(span.last, sequence);
      spans.set(epoch, span);
      const fault = faultOf(event, coupon.created);
      if (fault !== null) breach(`coupon ${couponId}, ${event.assignmentId}: ${fault}`);
    }
  }
  let before = 0;
  for (const [epoch, { first, last }] of [...spans].sort(([a], [b]) => a - b)) {
    if (epoch > newest) breach(`coupon ${couponId}: epoch ${epoch} is marked nowhere`);
    if (first < before) {
      breach(`coupon ${couponId}: epoch ${epoch} begins at ${first}, the one before had ${before}`);
    }
    before = Math.max(before, last);
  }
  return count;
}

function faultOf(event: CouponAssigned, created: Coupon['created']): string | null {
  // That the log lacks the coupon is invariant 1.
  if (created === null) return null;
  if (event.epoch < created.epoch) {
    return `assigned in epoch ${event.epoch}, created in ${created.epoch}`;
  }
  if (event.occurredAt < created.startDate) return 'assigned before the start';
  if (event.occurredAt >= created.endDate) return 'assigned after the end';
  return null;
}

/** `held` is in the order of the numbers. One number twice breaks invariant 2, one sequence twice 1. */
function checkUser(couponId: string, held: readonly CouponAssigned[], breach: ReportBreach): void {
  for (let i = 1; i < held.length; i += 1) {
    const [one, other] = [held[i - 1], held[i]];
    if (one === undefined || other === undefined || one.nthOfUser === other.nthOfUser) continue;
    if (one.sequence <= other.sequence) continue;
    breach(
      `coupon ${couponId}, user ${other.userId}: number ${other.nthOfUser} with sequence ${other.sequence}, number ${one.nthOfUser} with ${one.sequence}`,
    );
  }
}

/**
 * Only the end of an epoch may take sequences with it. What Redis has given in the newest one is in
 * the log, or held and on its way.
 */
function checkSkipped(
  couponId: string,
  { assignments }: Coupon,
  { state, holders, steady }: RedisCoupon,
  log: JudgedLog,
  newest: number,
  breach: ReportBreach,
): void {
  // Of another epoch than the log: that is invariant 4, and says nothing about this one.
  if (state === null || !steady || state.epoch !== newest) return;
  const events = [...assignments.values()].flat();
  const before = events
    .filter(({ epoch }) => epoch < newest)
    .reduce((highest, { sequence }) => Math.max(highest, sequence), 0);
  // What came into the log after Redis was read is above its last sequence.
  const written = events.filter(
    ({ epoch, sequence }) => epoch >= newest && sequence <= state.lastSequence,
  );
  const onTheWay = [...holders.values()]
    .flat()
    .filter(({ assignmentId }) => !log.events.has(assignmentId));
  const skipped = state.lastSequence - before - written.length - onTheWay.length;
  if (skipped > 0) {
    breach(
      `coupon ${couponId}: of the sequences from ${before + 1} to ${state.lastSequence}, ${skipped} are missing`,
    );
  }
}

/** @returns how many repeats there are */
function checkRepeats(log: JudgedLog, breach: ReportBreach): number {
  let repeats = 0;
  for (const record of log.records) {
    if (record.kind !== 'repeat') continue;
    repeats += 1;
    const first = log.events.get(record.event.eventId)?.event;
    if (first !== undefined && !isSame(first, record.event)) {
      breach(
        `event ${first.eventId} comes again at ${record.topicPartition}/${record.offset} as another`,
      );
    }
  }
  return repeats;
}

function isSame(one: CouponEvent, other: CouponEvent): boolean {
  const fields = Object.keys(one) as (keyof CouponEvent)[];
  return fields.every((field) => one[field] === other[field]);
}
