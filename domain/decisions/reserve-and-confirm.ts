// Executable specification of when a decision takes and gives: reserving as the command scripts do,
// confirming as command-api/write-model/confirm.lua does.
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
 * Takes an event that is in the log out of the outbox, in place, and gives what it gives.
 * `answered`: a caller gets it as the answer now. Confirming twice changes nothing.
 */
export function confirm(state: WriteModelState, eventId: string, answered: boolean): void {
  const event = state.outbox.get(eventId);
  if (event !== undefined) {
    state.outbox.delete(eventId);
    state.quarantined.delete(eventId);
    if (event.type === 'CouponCreated') evolve(state.coupon, event);
    else if (!answered) state.unanswered.add(eventId);
  }
  if (answered) state.unanswered.delete(eventId);
}
