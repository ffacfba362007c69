// What the executable specification of the Lua scripts decides on: one coupon as Redis holds it.
import { type Coupon, initialCoupon } from '../coupon.ts';
import type { CouponEvent } from '../coupon-events.ts';

/** One coupon in the write model: what the log says, or is about to say, and what is on its way. */
export type WriteModelState = {
  coupon: Coupon;
  /** Decided events that are not known to be in the log yet, in the order of their decision. */
  outbox: Map<string, CouponEvent>;
  /** Ids of those that the log refused: nothing waits for them (docs/guarantees.md P7). */
  quarantined: Set<string>;
  /** Ids of confirmed assignments that no caller was answered with yet. */
  unanswered: Set<string>;
};

/** What a decision may look at beside the state. */
export type DecisionFacts = {
  nowMs: number;
  epoch: number;
  /** Milliseconds that an event may wait in the outbox before new reservations are refused. */
  maxOutboxAgeMs: number;
};

/** The state before any command. */
export function initialState(): WriteModelState {
  return {
    coupon: initialCoupon(),
    outbox: new Map(),
    quarantined: new Set(),
    unanswered: new Set(),
  };
}

/** Has an event waited in the outbox for longer than it may? Quarantined ones are not waited for. */
export function isOutboxStuck(
  { outbox, quarantined }: WriteModelState,
  { nowMs, maxOutboxAgeMs }: DecisionFacts,
): boolean {
  const oldest = [...outbox.values()].find(({ eventId }) => !quarantined.has(eventId));
  return oldest !== undefined && nowMs - oldest.occurredAt > maxOutboxAgeMs;
}
