import { expect } from 'chai';
import { heldBy, remainingOf } from '../../../../domain/coupon.ts';
import {
  confirm,
  markAnswered,
  reserve,
} from '../../../../domain/decisions/reserve-and-confirm.ts';
import { initialState } from '../../../../domain/decisions/write-model-state.ts';
import { given, pending, unanswered } from '../../../support/fixtures/given.ts';
import { couponAssigned, couponCreated } from '../../../support/fixtures/sample-events.ts';

describe('Reserving and confirming', () => {
  const coupon = couponCreated({ quantity: 2 });
  const unit = couponAssigned(1);

  it('begins with nothing', () => {
    expect(given().state).to.deep.equal(initialState());
    expect(remainingOf(initialState().coupon)).to.equal(0);
  });

  it('takes a unit and the place of its user when it reserves, not when it confirms', () => {
    const { state } = given(coupon);
    reserve(state, unit);
    expect(remainingOf(state.coupon)).to.equal(1);
    expect(heldBy(state.coupon, 'ann')).to.deep.equal([unit]);
    expect([...state.outbox]).to.deep.equal([[unit.eventId, unit]]);
    confirm(state, unit.eventId);
    expect(remainingOf(state.coupon)).to.equal(1);
    expect(state.outbox).to.have.property('size', 0);
  });

  it('gives a new coupon when it confirms, not when it reserves', () => {
    const { state } = given(pending(coupon));
    expect(state.coupon.created).to.equal(null);
    expect(remainingOf(state.coupon)).to.equal(0);
    confirm(state, coupon.eventId);
    expect(state.coupon.created).to.deep.equal(coupon);
    expect(remainingOf(state.coupon)).to.equal(2);
  });

  it('keeps events in the outbox in the order of their decision', () => {
    const { state } = given(
      coupon,
      pending(couponAssigned(3, { userId: 'c' })),
      pending(couponAssigned(1, { userId: 'a' })),
    );
    expect([...state.outbox.values()].map((e) => 'sequence' in e && e.sequence)).to.deep.equal([
      3, 1,
    ]);
  });

  it('remembers an assignment as unanswered until a caller is answered with it', () => {
    const { state } = given(coupon, unanswered(unit));
    expect([...state.unanswered]).to.deep.equal([unit.eventId]);
    markAnswered(state, unit.eventId);
    expect([...state.unanswered]).to.deep.equal([]);
  });

  it('does not make an answered assignment unanswered again', () => {
    const { state } = given(coupon, unit);
    confirm(state, unit.eventId);
    expect([...state.unanswered]).to.deep.equal([]);
  });

  it('never counts a creation as unanswered: its creator asks by the key', () => {
    expect([...given(unanswered(coupon)).state.unanswered]).to.deep.equal([]);
  });

  it('changes nothing when it confirms twice', () => {
    const { state } = given(coupon, pending(unit));
    confirm(state, unit.eventId);
    const once = structuredClone(state);
    confirm(state, unit.eventId);
    expect(state).to.deep.equal(once);
  });

  it('changes nothing when it confirms what it does not know', () => {
    const { state } = given(coupon, pending(unit));
    const before = structuredClone(state);
    confirm(state, 'nobody');
    markAnswered(state, 'nobody');
    expect(state).to.deep.equal(before);
  });
});
