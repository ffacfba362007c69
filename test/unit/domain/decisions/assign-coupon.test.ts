import type { CouponAssigned, CouponCreated } from '../../../../domain/coupon-events.ts';
import { decideAssign } from '../../../../domain/decisions/assign-coupon.ts';
import { given, pending, unanswered } from '../../../support/fixtures/given.ts';
import {
  assignCommand,
  assignmentId,
  couponAssigned,
  couponCreated,
  keyed,
  NOW,
} from '../../../support/fixtures/sample-events.ts';

const coupon = (fields: Partial<CouponCreated> = {}): CouponCreated => couponCreated(fields);
/** The event that `assignCommand` leads to. */
const accepted = (fields: Partial<CouponAssigned>) => ({
  kind: 'accepted' as const,
  event: couponAssigned(1, {
    eventId: assignmentId(99),
    assignmentId: assignmentId(99),
    occurredAt: NOW,
    ...fields,
  }),
});

describe('Deciding on a unit for a user', () => {
  it('gives the first unit, with sequence 1, in the epoch and at the time of the decision', () => {
    given(coupon())
      .when(decideAssign, assignCommand({ key: keyed('k1', 'h1') }), { epoch: 3, nowMs: NOW + 9 })
      .expect(accepted({ epoch: 3, occurredAt: NOW + 9, idempotencyKey: 'k1', requestHash: 'h1' }));
  });

  it('counts on from the highest sequence, and from the last that the user holds', () => {
    given(
      coupon({ perUserLimit: 3 }),
      couponAssigned(1, { userId: 'bo' }),
      couponAssigned(7),
      couponAssigned(5, { nthOfUser: 2 }),
    )
      .when(decideAssign, assignCommand())
      .expect(accepted({ sequence: 8, nthOfUser: 3 }));
  });

  it('counts on from the last of the user, even when the end of an epoch fenced an earlier one', () => {
    given(coupon({ perUserLimit: 2 }), couponAssigned(4, { nthOfUser: 2 }))
      .when(decideAssign, assignCommand())
      .expect(accepted({ sequence: 5, nthOfUser: 3 }));
  });

  it('tells users apart by every character: case, accents and their spelling count', () => {
    for (const userId of ['Ann', 'änn', 'a\u0308nn', 'ann ann']) {
      given(coupon(), couponAssigned(1, { userId: 'ann' }))
        .when(decideAssign, assignCommand({ userId }))
        .expect(accepted({ userId, sequence: 2 }));
    }
  });

  it('does not know a coupon that was never created', () => {
    given().when(decideAssign, assignCommand()).expect({ kind: 'coupon-not-found' });
  });

  it('does not know a coupon whose creation is not confirmed yet', () => {
    given(pending(coupon()))
      .when(decideAssign, assignCommand())
      .expect({ kind: 'coupon-not-found' });
  });

  it('knows a coupon that the relay confirmed', () => {
    given(unanswered(coupon())).when(decideAssign, assignCommand()).expect(accepted({}));
  });

  it('begins at the start date, to the millisecond', () => {
    const startDate = NOW;
    given(coupon({ startDate }))
      .when(decideAssign, assignCommand(), { nowMs: startDate - 1 })
      .expect({ kind: 'not-started', startDate });
    given(coupon({ startDate })).when(decideAssign, assignCommand()).expect(accepted({}));
  });

  it('stops at the end date, to the millisecond', () => {
    const endDate = NOW + 1;
    given(coupon({ endDate })).when(decideAssign, assignCommand()).expect(accepted({}));
    given(coupon({ endDate }))
      .when(decideAssign, assignCommand(), { nowMs: endDate })
      .expect({ kind: 'ended', endDate });
  });

  it('gives the last unit and not one more', () => {
    given(coupon({ quantity: 1 }))
      .when(decideAssign, assignCommand())
      .expect(accepted({}));
    given(coupon({ quantity: 1 }), couponAssigned(1, { userId: 'bo' }))
      .when(decideAssign, assignCommand())
      .expect({ kind: 'sold-out' });
  });

  it('counts a unit that is only reserved as taken', () => {
    given(coupon({ quantity: 1 }), pending(couponAssigned(1, { userId: 'bo' })))
      .when(decideAssign, assignCommand())
      .expect({ kind: 'sold-out' });
  });

  it('is sold out from the beginning when there are no units', () => {
    given(coupon({ quantity: 0 }))
      .when(decideAssign, assignCommand())
      .expect({ kind: 'sold-out' });
  });

  describe('when the outbox does not drain', () => {
    const waiting = couponAssigned(1, { userId: 'bo', occurredAt: NOW - 501 });

    it('reserves nothing new', () => {
      given(coupon(), pending(waiting))
        .when(decideAssign, assignCommand(), { maxOutboxAgeMs: 500 })
        .expect({ kind: 'overloaded' });
    });

    it('still reserves while the oldest event is not older than the limit', () => {
      given(coupon(), pending(waiting))
        .when(decideAssign, assignCommand(), { maxOutboxAgeMs: 501 })
        .expect(accepted({ sequence: 2 }));
    });

    it('looks at the oldest event, not at the newest', () => {
      given(
        coupon(),
        pending(waiting),
        pending(couponAssigned(2, { userId: 'cy', occurredAt: NOW })),
      )
        .when(decideAssign, assignCommand(), { maxOutboxAgeMs: 500 })
        .expect({ kind: 'overloaded' });
    });

    it('says sold out rather than overloaded when there is nothing left anyway', () => {
      given(coupon({ quantity: 1 }), pending(waiting))
        .when(decideAssign, assignCommand(), { maxOutboxAgeMs: 500 })
        .expect({ kind: 'sold-out' });
    });

    it('still answers a repeat', () => {
      given(coupon(), pending(waiting))
        .when(decideAssign, assignCommand({ userId: 'bo' }), { maxOutboxAgeMs: 500 })
        .expect({ kind: 'repeat', event: waiting, pending: true });
    });
  });

  describe('asked again with the same key', () => {
    const first = couponAssigned(1, { idempotencyKey: 'k1', requestHash: 'h1' });
    const again = assignCommand({ key: keyed('k1', 'h1') });

    it('gives the assignment of the first time', () => {
      given(coupon(), first)
        .when(decideAssign, again)
        .expect({ kind: 'repeat', event: first, pending: false });
    });

    it('says that it is pending while its event is not known to be in the log', () => {
      given(coupon(), pending(first))
        .when(decideAssign, again)
        .expect({ kind: 'repeat', event: first, pending: true });
    });

    it('gives it although the user may have more', () => {
      given(coupon({ perUserLimit: 5 }), first)
        .when(decideAssign, again)
        .expect({ kind: 'repeat', event: first, pending: false });
    });

    it('gives it after the end, and when sold out', () => {
      const past = [coupon({ quantity: 1 }), first];
      given(...past)
        .when(decideAssign, again, { nowMs: coupon().endDate })
        .expect({ kind: 'repeat', event: first, pending: false });
      given(...past)
        .when(decideAssign, again)
        .expect({ kind: 'repeat', event: first, pending: false });
    });

    it('refuses the key for a request with another meaning, whoever asks', () => {
      for (const userId of ['ann', 'bo']) {
        given(coupon({ perUserLimit: 5 }), first)
          .when(decideAssign, assignCommand({ userId, key: keyed('k1', 'another') }))
          .expect({ kind: 'key-reused' });
      }
    });

    it('refuses it before the limit, the end and the stock are looked at', () => {
      given(coupon({ quantity: 1 }), first)
        .when(decideAssign, assignCommand({ key: keyed('k1', 'another') }), {
          nowMs: coupon().endDate,
        })
        .expect({ kind: 'key-reused' });
    });

    it('does not know a key before the coupon is confirmed', () => {
      given(pending(coupon())).when(decideAssign, again).expect({ kind: 'coupon-not-found' });
    });
  });

  describe('asked by a user who holds the limit', () => {
    const first = couponAssigned(1);
    const second = couponAssigned(2, { nthOfUser: 2 });

    it('refuses and names what the user holds, oldest first', () => {
      given(coupon({ perUserLimit: 2 }), second, first)
        .when(decideAssign, assignCommand())
        .expect({ kind: 'limit-reached', held: [first, second] });
    });

    it('refuses with the limit, not with the end or the stock', () => {
      given(coupon({ quantity: 1 }), first)
        .when(decideAssign, assignCommand(), { nowMs: coupon().endDate })
        .expect({ kind: 'limit-reached', held: [first] });
      given(coupon({ quantity: 1 }), first)
        .when(decideAssign, assignCommand(), { nowMs: coupon().startDate - 1 })
        .expect({ kind: 'limit-reached', held: [first] });
    });

    it('gives an unanswered assignment to a request without a key', () => {
      given(coupon(), unanswered(first))
        .when(decideAssign, assignCommand())
        .expect({ kind: 'repeat', event: first, pending: false });
    });

    it('gives one that is still on its way, to a request without a key', () => {
      given(coupon(), pending(first))
        .when(decideAssign, assignCommand())
        .expect({ kind: 'repeat', event: first, pending: true });
    });

    it('gives the oldest of several unanswered ones', () => {
      given(coupon({ perUserLimit: 2 }), pending(first), unanswered(second))
        .when(decideAssign, assignCommand())
        .expect({ kind: 'repeat', event: first, pending: true });
      given(coupon({ perUserLimit: 2 }), first, unanswered(second))
        .when(decideAssign, assignCommand())
        .expect({ kind: 'repeat', event: second, pending: false });
    });

    it('refuses a request with a new key, answered or not: it is not the request of the first time', () => {
      for (const past of [first, unanswered(first), pending(first)]) {
        given(coupon(), past)
          .when(decideAssign, assignCommand({ key: keyed('new') }))
          .expect({ kind: 'limit-reached', held: [first] });
      }
    });

    it('does not take what is under the limit for a repeat', () => {
      given(coupon({ perUserLimit: 2 }), unanswered(first))
        .when(decideAssign, assignCommand())
        .expect(accepted({ sequence: 2, nthOfUser: 2 }));
    });

    it('says nothing of what others hold', () => {
      given(coupon(), unanswered(couponAssigned(1, { userId: 'bo' })))
        .when(decideAssign, assignCommand())
        .expect(accepted({ sequence: 2 }));
    });
  });
});
