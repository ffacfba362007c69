// One coupon as the log tells it. `evolve` is the only fold: the oracle of the Lua scripts, the
// verifier and a rebuild from the log all use it.
import type { CouponAssigned, CouponCreated, CouponEvent } from './coupon-events.ts';

export type Coupon = {
  /** null until CouponCreated was met: the topics are not ordered against each other. */
  created: CouponCreated | null;
  /** By user id, in the order of `nthOfUser`. */
  assignments: Map<string, CouponAssigned[]>;
  /** Units that are taken. */
  issued: number;
  /** The highest sequence given so far. */
  lastSequence: number;
};

/** The state before any event. */
export function initialCoupon(): Coupon {
  return { created: null, assignments: new Map(), issued: 0, lastSequence: 0 };
}

/** Units that can still be given; 0 for a coupon that was not created. */
export function remainingOf(coupon: Coupon): number {
  return coupon.created === null ? 0 : coupon.created.quantity - coupon.issued;
}

/** What `userId` holds of this coupon, oldest first. */
export function heldBy(coupon: Coupon, userId: string): readonly CouponAssigned[] {
  return coupon.assignments.get(userId) ?? [];
}

/**
 * Applies `event` to `coupon`, in place: a fold over a million events must not copy a million
 * times. An event that was applied before (same event id) changes nothing.
 * @returns the coupon it was given
 */
export function evolve(coupon: Coupon, event: CouponEvent): Coupon {
  switch (event.type) {
    case 'CouponCreated':
      coupon.created ??= event;
      return coupon;
    case 'CouponAssigned': {
      const held = coupon.assignments.get(event.userId);
      if (held === undefined) {
        coupon.assignments.set(event.userId, [event]);
      } else {
        if (held.some((assignment) => assignment.eventId === event.eventId)) return coupon;
        held.push(event);
        held.sort((a, b) => a.nthOfUser - b.nthOfUser);
      }
      coupon.issued += 1;
      coupon.lastSequence = Math.max(coupon.lastSequence, event.sequence);
      return coupon;
    }
  }
}
