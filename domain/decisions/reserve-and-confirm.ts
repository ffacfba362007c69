// Executable specification of when a decision takes and gives: reserving as the command scripts do,
// confirming as command-api/write-model/confirm.lua does, and being answered.
import { evolve } from '../coupon.ts';
import type { CouponEvent } from '../coupon-events.ts';
import type { WriteModelState } from './write-model-state.ts';

/**
 * Carries an accepted decision out, in place: the event goes to the outbox, and what it takes is
 * taken now. What it gives is given by `confirm` (docs/guarantees.md P4).
 */
export function reserve(state: WriteModelState, event: CouponEvent): void {
  state.outbox.set(event.eventId, event);
  if (event.type === 'CouponAssigned') evolve(state.coupon, event);
}

/**
 * Takes an event that is in the log out of the outbox, in place, and gives what it gives. An assignment is
 * unanswered from then on. Confirming twice changes nothing.
 */
export function confirm(state: WriteModelState, eventId: string): void {
  const event = state.outbox.get(eventId);
  if (event === undefined) return;
  state.outbox.delete(eventId);
  state.quarantined.delete(eventId);
  if (event.type === 'CouponCreated') evolve(state.coupon, event);
  else state.unanswered.add(eventId);
}

/** Notes, in place, that a caller was answered with the event, as command-api/write-model/answered.ts does. */
export function markAnswered(state: WriteModelState, eventId: string): void {
  state.unanswered.delete(eventId);
}
