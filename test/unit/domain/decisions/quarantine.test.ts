import { expect } from 'chai';
import { quarantine } from '../../../../domain/decisions/quarantine.ts';
import { confirm } from '../../../../domain/decisions/reserve-and-confirm.ts';
import { given, pending } from '../../../support/fixtures/given.ts';
import { couponAssigned, couponCreated } from '../../../support/fixtures/sample-events.ts';

describe('Quarantining an event', () => {
  const coupon = couponCreated({ quantity: 2 });
  const unit = couponAssigned(1);

  it('keeps the event and its unit until it is confirmed after all', () => {
    const { state } = given(coupon, pending(unit));
    quarantine(state, unit.eventId);
    expect([...state.quarantined]).to.deep.equal([unit.eventId]);
    expect(state.outbox.has(unit.eventId)).to.equal(true);
    expect(state.coupon.issued).to.equal(1);
    confirm(state, unit.eventId);
    expect([...state.quarantined]).to.deep.equal([]);
  });

  it('changes nothing when the event is not in the outbox', () => {
    const { state } = given(coupon, unit);
    const before = structuredClone(state);
    quarantine(state, unit.eventId);
    expect(state).to.deep.equal(before);
  });
});
