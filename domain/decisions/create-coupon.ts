// Executable specification of command-api/commands/coupon/create-coupon.lua. Production decides by the
// script; test/integration/command-api compares the two with random sequences of commands.
import { type CreateCoupon, keyFieldsOf } from '../commands.ts';
import type { CouponCreated } from '../coupon-events.ts';
import { type Accepted, type KeyReused, type Repeat, repeatOf } from './decision.ts';
import type { DecisionFacts, WriteModelState } from './write-model-state.ts';

export type CreateDecision =
  | Accepted<CouponCreated>
  | Repeat<CouponCreated>
  | KeyReused
  | { kind: 'end-date-passed' };

/** Decides on a new coupon. Changes nothing; `reserve` carries an accepted decision out. */
export function decideCreate(
  state: WriteModelState,
  command: CreateCoupon,
  facts: DecisionFacts,
): CreateDecision {
  const existing = creationOf(state, command.couponId);
  if (existing !== null) {
    return existing.requestHash === (command.key?.requestHash ?? null)
      ? repeatOf(state, existing)
      : { kind: 'key-reused' };
  }
  if (command.endDate <= facts.nowMs) return { kind: 'end-date-passed' };
  return {
    kind: 'accepted',
    event: {
      type: 'CouponCreated',
      eventId: command.couponId,
      epoch: facts.epoch,
      occurredAt: facts.nowMs,
      ...keyFieldsOf(command.key),
      couponId: command.couponId,
      title: command.title,
      quantity: command.quantity,
      startDate: command.startDate,
      endDate: command.endDate,
      perUserLimit: command.perUserLimit,
    },
  };
}

function creationOf(state: WriteModelState, couponId: string): CouponCreated | null {
  if (state.coupon.created !== null) return state.coupon.created;
  const waiting = state.outbox.get(couponId);
  return waiting?.type === 'CouponCreated' ? waiting : null;
}
