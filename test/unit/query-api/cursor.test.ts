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

const anyOffset = fc.maxSafeNat();
// As a cursor gives it back: without partitions at 0.
const anyReach = fc
  .tuple(fc.array(anyOffset, { maxLength: 60 }), fc.array(anyOffset, { maxLength: 60 }))
  .map(([offsets, deadLetterOffsets]) => reachOf(offsets, deadLetterOffsets));
const anyPlace = fc.record({
  reach: anyReach,
  after: fc.option(fc.record({ atMs: fc.integer({ min: 0, max: LAST_MS }), id: anyUuid })),
});
const anySequencePlace = fc.record({
  reach: anyReach,
  after: fc.option(fc.record({ sequence: anyOffset, last: anyOffset })),
});

function reachOf(offsets: readonly number[], deadLetterOffsets: readonly number[] = []) {
  return new Map(
    [
      ...offsets.map((offset, partition) => [partition, offset] as const),
      ...deadLetterOffsets.map((offset, partition) => [-1 - partition, offset] as const),
    ].filter(([, offset]) => offset > 0),
  );
}
const anyUtf16 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 })
  .map((units) => String.fromCharCode(...units));

/** base64url of something that is nearly a cursor. */
const nearCursor = fc
  .oneof(
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify([2, COUPONS_LIST, value, value])),
    fc.jsonValue().map((value) => JSON.stringify([2, COUPONS_LIST, [1], [], value, value])),
    fc
      .tuple(fc.double(), fc.string())
      .map((key) => JSON.stringify([2, COUPONS_LIST, [], [], ...key])),
    fc
      .tuple(fc.double(), fc.double())
      .map((one) => JSON.stringify([2, COUPONS_LIST, one, [], 5, ID])),
  )
  .map((text) => Buffer.from(text).toString('base64url'));

const GOOD = [2, COUPONS_LIST, [7], [], 5, ID];

function changed(field: number, value: unknown): string {
  return packed(JSON.stringify(GOOD.with(field, value as string)));
}

function packed(text: string): string {
  return Buffer.from(text).toString('base64url');
}

describe('A cursor', () => {
  it('comes back as the place it was made of', () => {
    fc.assert(
      fc.property(anyPlace, anyUserId, anySequencePlace, (place, userId, sequencePlace) => {
        const users = userList(userId);
        expect(decodeTimeCursor(users, encodeTimeCursor(users, place))).to.deep.equal(place);
        const coupon = couponList(ID);
        expect(
          decodeSequenceCursor(coupon, encodeSequenceCursor(coupon, sequencePlace)),
        ).to.deep.equal(sequencePlace);
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

  it('names no partition that is at 0, however many a cursor made by hand holds', () => {
    const place = {
      reach: new Map([
        [2, 9],
        [-2, 4],
      ]),
      after: null,
    };
    const decoded = decodeTimeCursor(COUPONS_LIST, encodeTimeCursor(COUPONS_LIST, place));
    expect(decoded?.reach).to.deep.equal(place.reach);
    const byHand = packed(JSON.stringify([2, COUPONS_LIST, Array(3_000).fill(0), []]));
    expect(decodeTimeCursor(COUPONS_LIST, byHand)?.reach).to.have.property('size', 0);
  });

  it('of one order is refused by the other, even in the same list', () => {
    const reach = reachOf([7]);
    const time = encodeTimeCursor(COUPONS_LIST, { reach, after: { atMs: 5, id: ID } });
    const after = { sequence: 5, last: 6 };
    const sequence = encodeSequenceCursor(COUPONS_LIST, { reach, after });
    expect(decodeSequenceCursor(COUPONS_LIST, time)).to.equal(null);
    expect(decodeTimeCursor(COUPONS_LIST, sequence)).to.equal(null);
  });

  it('is read from any text without an error, and never gives a value out of bounds', () => {
    fc.assert(
      fc.property(fc.oneof(anyUtf16, nearCursor), (text) => {
        const place = decodeTimeCursor(COUPONS_LIST, text);
        if (place?.after) {
          expect(place.after.atMs).to.be.within(0, LAST_MS);
          expect(place.after.id).to.match(/^[0-9a-f-]{36}$/);
        }
        const { reach, after } = decodeSequenceCursor(COUPONS_LIST, text) ?? {};
        const numbers = [...(reach?.values() ?? []), ...Object.values(after ?? {})];
        for (const number of [...(place?.reach.values() ?? []), ...numbers]) {
          expect(number).to.be.within(0, Number.MAX_SAFE_INTEGER);
          expect(Number.isInteger(number)).to.equal(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('that was changed in any one character is refused, or means another place', () => {
    const original = encodeTimeCursor(COUPONS_LIST, {
      reach: reachOf([1_041, 0, 77], [3]),
      after: { atMs: 1_760_000_000_000, id: ID },
    });
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
    ['padding', `${packed(JSON.stringify(GOOD))}=`],
    ['a line break', `${packed(JSON.stringify(GOOD))}\n`],
    ['spaces inside the JSON', packed(JSON.stringify(GOOD).replaceAll(',', ', '))],
    ['a number in another notation', packed(JSON.stringify(GOOD).replace(',5,', ',5e0,'))],
    ['a negative time', changed(4, -1)],
    ['a fraction', changed(4, 1.5)],
    ['a time past the year 9999', changed(4, LAST_MS + 1)],
    ['an id in upper case', changed(5, ID.toUpperCase())],
    ['an id that is none', changed(5, "' OR 1=1")],
    ['one field too many', packed(JSON.stringify([...GOOD, null]))],
    ['one field too few', packed(JSON.stringify(GOOD.slice(0, -1)))],
    ['an object', packed(JSON.stringify({ ...GOOD }))],
    ['a negative offset', changed(2, [1, -1])],
    ['an offset that is no number', changed(2, [1, '2; DROP TABLE assignments'])],
    ['an offset that is no offset', changed(3, [Number.MAX_SAFE_INTEGER + 1])],
    ['no offsets', changed(2, null)],
    ['another version', changed(0, 3)],
    ['the form of the first version', packed(JSON.stringify([COUPONS_LIST, 5, ID]))],
    ['a megabyte', 'A'.repeat(1_000_000)],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(decodeTimeCursor(COUPONS_LIST, text)).to.equal(null);
    });
  }

  it('is taken without any of the faults above', () => {
    expect(decodeTimeCursor(COUPONS_LIST, packed(JSON.stringify(GOOD)))).not.to.equal(null);
  });

  it('of the longest user id and 400 partitions is one, of 48 partitions below 1,000 characters', () => {
    const list = userList('😀'.repeat(64));
    const after = { atMs: LAST_MS, id: ID };
    const place = { reach: reachOf(Array(400).fill(9_999_999_999), Array(400).fill(9_999)), after };
    const offsets = Array(48).fill(9_999_999);
    const ofCoupon = { reach: reachOf(offsets), after: { sequence: 1_000_000, last: 2_000_000 } };
    expect(encodeSequenceCursor(couponList(ID), ofCoupon).length).to.be.below(1_000);
    expect(decodeTimeCursor(list, encodeTimeCursor(list, place))).to.deep.equal(place);
  });
});
