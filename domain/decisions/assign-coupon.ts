// Executable specification of command-api/commands/assignment/assign-coupon.lua. Production decides by
// the script; test/integration/command-api compares the two with random sequences of commands.
import { type AssignCoupon, keyFieldsOf } from '../commands.ts';
import { type Coupon, heldBy, remainingOf } from '../coupon.ts';
import type { CouponAssigned, CouponCreated } from '../coupon-events.ts';
import {
  type Accepted,
  type KeyReused,
  type Overloaded,
  type Repeat,
  repeatOf,
} from './decision.ts';
import { type DecisionFacts, isOutboxStuck, type WriteModelState } from './write-model-state.ts';

export type AssignDecision =
  | Accepted<CouponAssigned>
  | Repeat<CouponAssigned>
  | KeyReused
  | Overloaded
  | { kind: 'coupon-not-found' }
  | { kind: 'not-started'; startDate: number }
  | { kind: 'ended'; endDate: number }
  | { kind: 'limit-reached'; held: readonly CouponAssigned[] }
  | { kind: 'sold-out' };

/**
 * Decides on one unit for one user. Changes nothing; `reserve` carries an accepted decision out.
 * A repeated request is recognised before anything else is checked: it gets its answer even when
 * the coupon has ended or is sold out since.
 */
export function decideAssign(
  state: WriteModelState,
  command: AssignCoupon,
  facts: DecisionFacts,
): AssignDecision {
  const { created } = state.coupon;
  if (created === null) return { kind: 'coupon-not-found' };
  const held = heldBy(state.coupon, command.userId);
  const earlier = decideByEarlier(state, command, created, held);
  if (earlier !== null) return earlier;
  if (facts.nowMs < created.startDate) return { kind: 'not-started', startDate: created.startDate };
  if (facts.nowMs >= created.endDate) return { kind: 'ended', endDate: created.endDate };
  if (remainingOf(state.coupon) <= 0) return { kind: 'sold-out' };
  if (isOutboxStuck(state, facts)) return { kind: 'overloaded' };
  return {
    kind: 'accepted',
    event: {
      type: 'CouponAssigned',
      eventId: command.assignmentId,
      epoch: facts.epoch,
      occurredAt: facts.nowMs,
      ...keyFieldsOf(command.key),
      assignmentId: command.assignmentId,
      couponId: command.couponId,
      userId: command.userId,
      sequence: state.coupon.lastSequence + 1,
      nthOfUser: (held.at(-1)?.nthOfUser ?? 0) + 1,
    },
  };
}

/** What follows from the user's earlier assignments alone; null when nothing does. */
function decideByEarlier(
  state: WriteModelState,
  command: AssignCoupon,
  created: CouponCreated,
  held: readonly CouponAssigned[],
): AssignDecision | null {
  if (command.key !== null) {
    const same = assignmentByKey(state.coupon, command.key.idempotencyKey);
    if (same !== null) {
      return same.requestHash === command.key.requestHash
        ? repeatOf(state, same)
        : { kind: 'key-reused' };
    }
  }
  if (held.length < created.perUserLimit) return null;
  if (command.key === null) {
    const unanswered = held.find(
      ({ eventId }) => state.outbox.has(eventId) || state.unanswered.has(eventId),
    );
    if (unanswered !== undefined) return repeatOf(state, unanswered);
  }
  return { kind: 'limit-reached', held };
}

function assignmentByKey(coupon: Coupon, idempotencyKey: string): CouponAssigned | null {
  for (const held of coupon.assignments.values()) {
    for (const assignment of held) {
      if (assignment.idempotencyKey === idempotencyKey) return assignment;
    }
  }
  return null;
}
