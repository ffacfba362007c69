import { decideCreate } from '../../../../domain/decisions/create-coupon.ts';
import { given, pending } from '../../../support/fixtures/given.ts';
import {
  COUPON_ID,
  couponCreated,
  createCommand,
  keyed,
  NOW,
} from '../../../support/fixtures/sample-events.ts';

describe('Deciding on a new coupon', () => {
  it('creates it in the epoch and at the time of the decision, under its own id', () => {
    given()
      .when(decideCreate, createCommand({ key: keyed('k1', 'h1') }), { epoch: 7, nowMs: NOW + 5 })
      .expect({
        kind: 'accepted',
        event: couponCreated({
          epoch: 7,
          occurredAt: NOW + 5,
          eventId: COUPON_ID,
          idempotencyKey: 'k1',
          requestHash: 'h1',
        }),
      });
  });

  it('takes no request for a repeat of one without a key, as older logs have them', () => {
    given(couponCreated({ idempotencyKey: null, requestHash: null }))
      .when(decideCreate, createCommand())
      .expect({ kind: 'key-reused' });
  });

  it('creates a coupon that starts later, and one without units', () => {
    const fields = { startDate: NOW + 1, quantity: 0 };
    given()
      .when(decideCreate, createCommand(fields))
      .expect({ kind: 'accepted', event: couponCreated({ ...fields, occurredAt: NOW }) });
  });

  it('refuses a coupon whose end is now or past, and creates one that ends in a millisecond', () => {
    for (const endDate of [NOW, NOW - 1]) {
      given().when(decideCreate, createCommand({ endDate })).expect({ kind: 'end-date-passed' });
    }
    const endDate = NOW + 1;
    given()
      .when(decideCreate, createCommand({ endDate }))
      .expect({ kind: 'accepted', event: couponCreated({ endDate, occurredAt: NOW }) });
  });

  it('answers the same request again with the coupon it made', () => {
    const made = couponCreated({ idempotencyKey: 'k1', requestHash: 'h1' });
    given(made)
      .when(decideCreate, createCommand({ key: keyed('k1', 'h1') }))
      .expect({ kind: 'repeat', event: made, pending: false });
  });

  it('says that a repeat is pending while its event is not known to be in the log', () => {
    const made = couponCreated({ idempotencyKey: 'k1', requestHash: 'h1' });
    given(pending(made))
      .when(decideCreate, createCommand({ key: keyed('k1', 'h1') }))
      .expect({ kind: 'repeat', event: made, pending: true });
  });

  it('refuses another request under the same key, pending or not', () => {
    const made = couponCreated({ idempotencyKey: 'k1', requestHash: 'h1' });
    for (const past of [made, pending(made)]) {
      given(past)
        .when(decideCreate, createCommand({ key: keyed('k1', 'another') }))
        .expect({ kind: 'key-reused' });
    }
  });

  it('answers a repeat even after the coupon has ended', () => {
    const made = couponCreated({ idempotencyKey: 'k1', requestHash: 'h1' });
    given(made)
      .when(decideCreate, createCommand({ key: keyed('k1', 'h1') }), { nowMs: made.endDate + 1 })
      .expect({ kind: 'repeat', event: made, pending: false });
  });
});
