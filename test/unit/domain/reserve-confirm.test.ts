import { expect } from 'chai';
import { heldBy, remainingOf } from '../../../domain/coupon.ts';
import { confirm, initialDesk, reserve } from '../../../domain/decide.ts';
import { given, pending, untold } from '../../support/fixtures/given.ts';
import { couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';

describe('Reserving and confirming', () => {
  const coupon = couponCreated({ quantity: 2 });
  const unit = couponAssigned(1);

  it('begins with nothing', () => {
    expect(given().desk).to.deep.equal(initialDesk());
    expect(remainingOf(initialDesk().coupon)).to.equal(0);
  });

  it('takes a unit and the place of its user when it reserves, not when it confirms', () => {
    const { desk } = given(coupon);
    reserve(desk, unit);
    expect(remainingOf(desk.coupon)).to.equal(1);
    expect(heldBy(desk.coupon, 'ann')).to.deep.equal([unit]);
    expect([...desk.outbox]).to.deep.equal([[unit.eventId, unit]]);
    confirm(desk, unit.eventId, true);
    expect(remainingOf(desk.coupon)).to.equal(1);
    expect(desk.outbox).to.have.property('size', 0);
  });

  it('gives a new coupon when it confirms, not when it reserves', () => {
    const { desk } = given(pending(coupon));
    expect(desk.coupon.created).to.equal(null);
    expect(remainingOf(desk.coupon)).to.equal(0);
    confirm(desk, coupon.eventId, true);
    expect(desk.coupon.created).to.deep.equal(coupon);
    expect(remainingOf(desk.coupon)).to.equal(2);
  });

  it('keeps events in the outbox in the order of their decision', () => {
    const { desk } = given(
      coupon,
      pending(couponAssigned(3, { userId: 'c' })),
      pending(couponAssigned(1, { userId: 'a' })),
    );
    expect([...desk.outbox.values()].map((e) => 'sequence' in e && e.sequence)).to.deep.equal([
      3, 1,
    ]);
  });

  it('remembers an assignment that nobody was told of until somebody is', () => {
    const { desk } = given(coupon, untold(unit));
    expect([...desk.unanswered]).to.deep.equal([unit.eventId]);
    confirm(desk, unit.eventId, true);
    expect([...desk.unanswered]).to.deep.equal([]);
  });

  it('does not take back that somebody was told', () => {
    const { desk } = given(coupon, unit);
    confirm(desk, unit.eventId, false);
    expect([...desk.unanswered]).to.deep.equal([]);
  });

  it('never counts a coupon as something to be told of: its creator asks by the key', () => {
    expect([...given(untold(coupon)).desk.unanswered]).to.deep.equal([]);
  });

  it('changes nothing when it confirms twice, told or not', () => {
    for (const told of [true, false]) {
      const { desk } = given(coupon, pending(unit));
      confirm(desk, unit.eventId, told);
      const once = structuredClone(desk);
      confirm(desk, unit.eventId, told);
      expect(desk).to.deep.equal(once);
    }
  });

  it('changes nothing when it confirms what it does not know', () => {
    const { desk } = given(coupon, pending(unit));
    const before = structuredClone(desk);
    confirm(desk, 'nobody', true);
    confirm(desk, 'nobody', false);
    expect(desk).to.deep.equal(before);
  });
});
