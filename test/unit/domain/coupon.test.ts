import { expect } from 'chai';
import fc from 'fast-check';
import { evolve, heldBy, initialCoupon, remainingOf } from '../../../domain/coupon.ts';
import type { CouponEvent } from '../../../domain/coupon-events.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';

const fold = (events: readonly CouponEvent[]) => events.reduce(evolve, initialCoupon());

describe('A coupon as the log tells it', () => {
  const coupon = couponCreated({ quantity: 5, perUserLimit: 3 });
  const events: CouponEvent[] = [
    coupon,
    couponAssigned(1),
    couponAssigned(2, { userId: 'bo' }),
    couponAssigned(4, { nthOfUser: 2 }),
    couponAssigned(5, { nthOfUser: 3 }),
  ];

  it('counts units, and knows the highest sequence and what each user holds', () => {
    const state = fold(events);
    expect(remainingOf(state)).to.equal(1);
    expect(state.lastSequence).to.equal(5);
    expect(heldBy(state, 'ann').map(({ sequence }) => sequence)).to.deep.equal([1, 4, 5]);
    expect(heldBy(state, 'nobody')).to.deep.equal([]);
  });

  it('has no units before its creation was met, and remembers the assignments that came first', () => {
    const state = fold([couponAssigned(1)]);
    expect(remainingOf(state)).to.equal(0);
    expect(remainingOf(evolve(state, coupon))).to.equal(4);
  });

  it('keeps the first of two creations', () => {
    const state = fold([coupon, couponCreated({ quantity: 99 })]);
    expect(state.created).to.deep.equal(coupon);
  });

  it('becomes the same in whatever order events come, and however often each one comes', () => {
    const orders = fc.array(fc.constantFrom(...events), { maxLength: 15 }).chain((repeats) =>
      fc.shuffledSubarray([...events, ...repeats], {
        minLength: events.length + repeats.length,
      }),
    );
    const expected = fold(events);
    fc.assert(
      fc.property(orders, (order) => {
        const state = fold(order);
        expect({ ...state, assignments: null }).to.deep.equal({ ...expected, assignments: null });
        for (const user of ['ann', 'bo']) {
          expect(heldBy(state, user)).to.deep.equal(heldBy(expected, user));
        }
      }),
    );
  });
});
