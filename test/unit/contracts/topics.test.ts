import { expect } from 'chai';
import { createRedisKeys } from '../../../contracts/redis-keys.ts';
import { deadLetterTopicOf, destinationOf } from '../../../contracts/topics.ts';
import { toUuid } from '../../../domain/ids.ts';
import { COUPON_ID, couponAssigned, couponCreated } from '../../support/fixtures/sample-events.ts';

describe('Where things are', () => {
  it('puts what happens to a coupon under the id of the coupon', () => {
    expect(destinationOf(couponCreated())).to.deep.equal({
      topic: 'coupon-lifecycle',
      key: COUPON_ID,
    });
  });

  it('puts an assignment under its own id, so that a hot coupon is spread over the partitions', () => {
    const event = couponAssigned(3);
    expect(destinationOf(event)).to.deep.equal({ topic: 'coupon-assign', key: event.assignmentId });
  });

  it('names the dead letter topic after the topic', () => {
    expect(deadLetterTopicOf('coupon-assign')).to.equal('coupon-assign-dlt');
  });

  it('keeps all Redis keys of one coupon in one slot, whatever is in an idempotency key', () => {
    const keys = createRedisKeys('');
    const ofCoupon = [
      keys.coupon(COUPON_ID),
      keys.holders(COUPON_ID),
      keys.outbox(COUPON_ID),
      keys.outboxEvents(COUPON_ID),
      keys.unanswered(COUPON_ID),
      keys.idempotency(COUPON_ID, 'k'),
      keys.idempotency(COUPON_ID, '{other}'),
    ];
    // Redis takes what is between the first brace and the next closing one.
    const tags = ofCoupon.map((key) => /^[^{]*\{([^}]*)\}/.exec(key)?.[1]);
    expect(new Set(tags)).to.deep.equal(new Set([COUPON_ID]));
    expect(new Set(ofCoupon)).to.have.property('size', ofCoupon.length);
  });

  it('puts the prefix before every Redis key', () => {
    const keys = createRedisKeys('p-');
    const all = [keys.gate, keys.coupons, keys.coupon('c'), keys.idempotency('c', 'k')];
    for (const key of all) expect(key.startsWith('p-')).to.equal(true);
  });

  for (const text of [
    '',
    'x',
    COUPON_ID.slice(1),
    `${COUPON_ID}0`,
    `${COUPON_ID}\n`,
    ` ${COUPON_ID}`,
    `{${COUPON_ID}}`,
    COUPON_ID.replaceAll('-', ''),
    COUPON_ID.replace('c', 'g'),
    // Lower-casing turns the Kelvin sign into a k, and must not turn anything into a hex digit.
    COUPON_ID.replace('c', '\u212a'),
    COUPON_ID.replace('c', 'ｃ'),
  ]) {
    it(`reads no UUID from ${JSON.stringify(text)}`, () => {
      expect(toUuid(text)).to.equal(null);
    });
  }
});
