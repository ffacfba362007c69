// What the decisions of all commands share in the executable specification of the Lua scripts.
import type { CouponEvent } from '../coupon-events.ts';
import type { WriteModelState } from './write-model-state.ts';

export type Accepted<E extends CouponEvent> = { kind: 'accepted'; event: E };

/** The request was accepted before; `pending`: its event is still in the outbox (docs/guarantees.md P5). */
export type Repeat<E extends CouponEvent> = { kind: 'repeat'; event: E; pending: boolean };

/** The idempotency key was used for a request with another body. */
export type KeyReused = { kind: 'key-reused' };

/** The outbox does not drain: nothing new is reserved. */
export type Overloaded = { kind: 'overloaded' };

/** The decision on a request that `event` has answered before. */
export function repeatOf<E extends CouponEvent>(state: WriteModelState, event: E): Repeat<E> {
  return { kind: 'repeat', event, pending: state.outbox.has(event.eventId) };
}
