import { expect } from 'chai';
import fc from 'fast-check';
import {
  COUPONS_LIST,
  couponList,
  decodeSequenceCursor,
  decodeTimeCursor,
  encodeSequenceCursor,
  encodeTimeCursor,
  userList,
} from '../../../query-api/http/cursor.ts';
import { anyUserId, anyUuid } from '../../support/fixtures/arbitraries.ts';

const ID = '0b9fa1f4-53a2-4f3c-8c57-0d3f0e9f3a11';
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const anyPlace = fc.record({ atMs: fc.integer({ min: 0, max: LAST_MS }), id: anyUuid });
const anyUtf16 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 })
  .map((units) => String.fromCharCode(...units));

/** base64url of something that is nearly a cursor. */
const nearCursor = fc
  .oneof(
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify([COUPONS_LIST, value, value])),
    fc.tuple(fc.double(), fc.string()).map((pair) => JSON.stringify([COUPONS_LIST, ...pair])),
  )
  .map((text) => Buffer.from(text).toString('base64url'));

function packed(text: string): string {
  return Buffer.from(text).toString('base64url');
}

describe('A cursor', () => {
  it('comes back as the place it was made of', () => {
    fc.assert(
      fc.property(anyPlace, anyUserId, fc.maxSafeNat(), (place, userId, sequence) => {
        const users = userList(userId);
        expect(decodeTimeCursor(users, encodeTimeCursor(users, place))).to.deep.equal(place);
        const coupon = couponList(place.id);
        expect(
          decodeSequenceCursor(coupon, encodeSequenceCursor(coupon, { sequence })),
        ).to.deep.equal({ sequence });
      }),
    );
  });

  it('needs no escaping in an address', () => {
    fc.assert(
      fc.property(anyPlace, anyUserId, (place, userId) => {
        expect(encodeTimeCursor(userList(userId), place)).to.match(/^[A-Za-z0-9_-]+$/);
      }),
    );
  });

  it('is refused by every list but its own', () => {
    fc.assert(
      fc.property(anyPlace, anyUserId, anyUserId, (place, userId, other) => {
        const cursor = encodeTimeCursor(userList(userId), place);
        expect(decodeTimeCursor(COUPONS_LIST, cursor)).to.equal(null);
        expect(decodeTimeCursor(couponList(userId), cursor)).to.equal(null);
        if (other !== userId) expect(decodeTimeCursor(userList(other), cursor)).to.equal(null);
      }),
    );
  });

  it('of one order is refused by the other, even in the same list', () => {
    const time = encodeTimeCursor(COUPONS_LIST, { atMs: 5, id: ID });
    const sequence = encodeSequenceCursor(COUPONS_LIST, { sequence: 5 });
    expect(decodeSequenceCursor(COUPONS_LIST, time)).to.equal(null);
    expect(decodeTimeCursor(COUPONS_LIST, sequence)).to.equal(null);
  });

  it('is read from any text without an error, and never gives a value out of bounds', () => {
    fc.assert(
      fc.property(fc.oneof(anyUtf16, nearCursor), (text) => {
        const place = decodeTimeCursor(COUPONS_LIST, text);
        if (place !== null) {
          expect(place.atMs).to.be.within(0, LAST_MS);
          expect(place.id).to.match(/^[0-9a-f-]{36}$/);
        }
        const sequence = decodeSequenceCursor(COUPONS_LIST, text)?.sequence;
        if (sequence !== undefined) {
          expect(sequence).to.be.within(0, Number.MAX_SAFE_INTEGER);
          expect(Number.isInteger(sequence)).to.equal(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('that was changed in any one character is refused, or means another place', () => {
    const original = encodeTimeCursor(COUPONS_LIST, { atMs: 1_760_000_000_000, id: ID });
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.string({ maxLength: 2 }), (at, put) => {
        const changed = original.slice(0, at) + put + original.slice(at + 1);
        if (changed === original) return;
        const place = decodeTimeCursor(COUPONS_LIST, changed);
        if (place !== null) expect(encodeTimeCursor(COUPONS_LIST, place)).to.equal(changed);
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['padding', `${packed(JSON.stringify([COUPONS_LIST, 5, ID]))}=`],
    ['a line break', `${packed(JSON.stringify([COUPONS_LIST, 5, ID]))}\n`],
    ['spaces inside the JSON', packed(`["${COUPONS_LIST}", 5, "${ID}"]`)],
    ['a number in another notation', packed(`["${COUPONS_LIST}",5e0,"${ID}"]`)],
    ['a negative time', packed(`["${COUPONS_LIST}",-1,"${ID}"]`)],
    ['a fraction', packed(`["${COUPONS_LIST}",1.5,"${ID}"]`)],
    ['a time past the year 9999', packed(`["${COUPONS_LIST}",${LAST_MS + 1},"${ID}"]`)],
    ['an id in upper case', packed(`["${COUPONS_LIST}",5,"${ID.toUpperCase()}"]`)],
    ['an id that is none', packed(`["${COUPONS_LIST}",5,"' OR 1=1"]`)],
    ['one field too many', packed(`["${COUPONS_LIST}",5,"${ID}",null]`)],
    ['one field too few', packed(`["${COUPONS_LIST}",5]`)],
    ['an object', packed(`{"0":"${COUPONS_LIST}","1":5,"2":"${ID}"}`)],
    ['a megabyte', 'A'.repeat(1_000_000)],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(decodeTimeCursor(COUPONS_LIST, text)).to.equal(null);
    });
  }

  it('of the longest user id is one', () => {
    const list = userList('😀'.repeat(64));
    const place = { atMs: LAST_MS, id: ID };
    expect(decodeTimeCursor(list, encodeTimeCursor(list, place))).to.deep.equal(place);
  });
});
