import { expect } from 'chai';
import fc from 'fast-check';
import { PROBLEMS } from '../../../contracts/problems.ts';
import {
  COUPONS_LIST,
  couponList,
  encodeSequenceCursor,
  encodeTimeCursor,
  userList,
} from '../../../query-api/http/cursor.ts';
import {
  type ParsedQuery,
  parseById,
  parseCouponAssignments,
  parseCouponsPage,
  parseFreshness,
  parseUserAssignments,
} from '../../../query-api/http/parse-query.ts';

const ID = '0b9fa1f4-53a2-4f3c-8c57-0d3f0e9f3a11';
const OTHER_ID = '5d0ad3c9-6f49-4d0e-9d44-2cf3a4ab1c22';

/** The codes and fields that a request is refused with; empty when it is not. */
function faultsOf(result: ParsedQuery<unknown>): string[] {
  if (result.kind === 'parsed') return [];
  return result.faults.map(({ field, problem }) => `${field} ${PROBLEMS[problem].code}`);
}

const anyUtf16 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 })
  .map((units) => String.fromCharCode(...units));
/** What express may find under a name in a query string, and more. */
const anyValue = fc.oneof(
  anyUtf16,
  fc.integer().map(String),
  fc.array(anyUtf16, { maxLength: 3 }),
  fc.constant(undefined),
  fc.anything(),
);

describe('A page of a list', () => {
  it('has 100 items from the start, unless a limit is given', () => {
    expect(parseCouponsPage({})).to.deep.equal({
      kind: 'parsed',
      value: { limit: 100, after: null },
    });
  });

  for (const limit of ['1', '7', '100', '1000']) {
    it(`may have ${limit} items`, () => {
      expect(parseCouponsPage({ limit })).to.have.nested.property('value.limit', Number(limit));
    });
  }

  for (const limit of [
    ...['0', '-1', '1001', '9999', '99999999999999999999', '1.5', '1e2', '0x10', '007', '', ' 5'],
    ...['5 ', '٣', '５', 'all', 'NaN', 'Infinity', 'null', '\u0000'],
  ]) {
    it(`may not have ${JSON.stringify(limit)} items`, () => {
      expect(faultsOf(parseCouponsPage({ limit }))).to.deep.equal(['limit Coupon-0010']);
    });
  }

  it('is refused with two limits or two cursors', () => {
    expect(faultsOf(parseCouponsPage({ limit: ['1', '2'], cursor: ['a', 'b'] }))).to.deep.equal([
      'limit Coupon-0010',
      'cursor Coupon-0017',
    ]);
  });

  it('is refused with an unknown parameter, and with a known one in the wrong case', () => {
    expect(faultsOf(parseCouponsPage({ page: '2', Limit: '5' }))).to.deep.equal([
      'page Coupon-0010',
      'Limit Coupon-0010',
    ]);
  });

  it('reports every fault at once', () => {
    expect(
      faultsOf(parseCouponAssignments('x', { limit: '0', cursor: '?', offset: '5' })),
    ).to.have.members([
      'couponId Coupon-0010',
      'limit Coupon-0010',
      'cursor Coupon-0017',
      'offset Coupon-0010',
    ]);
  });

  it('goes on where its cursor says', () => {
    const reach = new Map([[0, 7]]);
    const place = { reach, after: { atMs: 1_760_000_000_123, id: ID } };
    const ofCoupons = parseCouponsPage({ cursor: encodeTimeCursor(COUPONS_LIST, place) });
    expect(ofCoupons).to.have.deep.nested.property('value.after', place);
    const ofUser = parseUserAssignments('김민수', {
      cursor: encodeTimeCursor(userList('김민수'), place),
    });
    expect(ofUser).to.have.deep.nested.property('value.page.after', place);
    const bySequence = { reach, after: { sequence: 42, last: 50 } };
    const ofCoupon = parseCouponAssignments(ID, {
      cursor: encodeSequenceCursor(couponList(ID), bySequence),
    });
    expect(ofCoupon).to.have.deep.nested.property('value.page.after', bySequence);
  });

  it('is refused with a cursor of another list', () => {
    const reach = new Map([[0, 7]]);
    const place = { reach, after: { atMs: 5, id: ID } };
    const ofCoupons = encodeTimeCursor(COUPONS_LIST, place);
    const ofAnn = encodeTimeCursor(userList('ann'), place);
    const ofCoupon = encodeSequenceCursor(couponList(ID), {
      reach,
      after: { sequence: 1, last: 1 },
    });
    for (const [request, cursor] of [
      [parseCouponsPage, ofAnn],
      [parseCouponsPage, ofCoupon],
      [(query: object) => parseUserAssignments('Ann', { ...query }), ofAnn],
      [(query: object) => parseUserAssignments('ann', { ...query }), ofCoupons],
      [(query: object) => parseCouponAssignments(OTHER_ID, { ...query }), ofCoupon],
    ] as const) {
      expect(faultsOf(request({ cursor }))).to.deep.equal(['cursor Coupon-0017']);
    }
  });

  it('never throws and never leaves its bounds, whatever is asked for', () => {
    fc.assert(
      fc.property(anyValue, anyValue, anyValue, (id, limit, cursor) => {
        for (const result of [
          parseCouponAssignments(id, { limit, cursor }),
          parseUserAssignments(id, { limit, cursor }),
        ]) {
          if (result.kind === 'parsed') {
            expect(result.value.page.limit).to.be.within(1, 1_000);
            expect(Number.isInteger(result.value.page.limit)).to.equal(true);
          } else {
            expect(result.faults).not.to.deep.equal([]);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('An id in the path', () => {
  it('is a UUID, in any case, and means the same in each', () => {
    for (const id of [ID, ID.toUpperCase()]) {
      expect(parseById('couponId', id, {})).to.deep.equal({ kind: 'parsed', value: ID });
    }
  });

  for (const id of [
    ...['', 'x', '1', 'null', '../../etc/passwd', '%00', `${ID} `, ` ${ID}`, `${ID}\n`],
    ...[`{${ID}}`, ID.replaceAll('-', ''), `${ID}0`, ID.slice(1), `g${ID.slice(1)}`],
    "' OR '1'='1",
  ]) {
    it(`is not ${JSON.stringify(id)}`, () => {
      expect(faultsOf(parseById('couponId', id, {}))).to.deep.equal(['couponId Coupon-0010']);
    });
  }

  it('takes no query parameters', () => {
    expect(faultsOf(parseById('assignmentId', ID, { limit: '5' }))).to.deep.equal([
      'limit Coupon-0010',
    ]);
  });

  it('is read from anything without an error, and is a UUID in lower case or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), anyValue), (id) => {
        const result = parseById('couponId', id, {});
        if (result.kind === 'parsed') expect(result.value).to.match(/^[0-9a-f-]{36}$/);
      }),
    );
  });

  it('of a user is taken exactly as it is', () => {
    for (const userId of ['a', 'A', 'é', 'e\u0301', '김민수', '🎟️', 'a/b', '...']) {
      expect(parseUserAssignments(userId, {})).to.have.nested.property('value.userId', userId);
    }
    for (const userId of [
      '',
      '.',
      '..',
      '\u3164',
      ' a',
      'a ',
      'a\u0000',
      'a\u200db',
      '\ud800',
      'x'.repeat(65),
    ]) {
      expect(faultsOf(parseUserAssignments(userId, {}))).to.deep.equal(['userId Coupon-0010']);
    }
  });
});

describe('A wish for freshness', () => {
  it('is none without a position', () => {
    expect(parseFreshness(undefined, undefined)).to.deep.equal({ kind: 'parsed', value: null });
    expect(parseFreshness(undefined, 'wait=5')).to.deep.equal({ kind: 'parsed', value: null });
  });

  it('names one or more positions, and waits for 2 seconds', () => {
    const header = 'coupon-assign/2/1041, coupon-lifecycle/0/3';
    expect(parseFreshness(header, undefined)).to.deep.equal({
      kind: 'parsed',
      value: {
        positions: [
          { topic: 'coupon-assign', partition: 2, offset: 1_041n },
          { topic: 'coupon-lifecycle', partition: 0, offset: 3n },
        ],
        waitMs: 2_000,
      },
    });
  });

  for (const header of [
    ...['', 'x', 'coupon-assign', 'coupon-assign/0', 'coupon-assign/0/', 'coupon-assign/-1/5'],
    ...['coupon-assign/0/-5', 'coupon-assign/0/1.5', 'coupon-assign/0/5,', 'coupon-assign/0/5/6'],
    ...['coupon-assign/0/9999999999999999999', 'COUPON-ASSIGN/0/5', 'no-such-topic/0/5'],
    ...['coupon-assign-dlt/0/5', Array(17).fill('coupon-assign/0/5').join(',')],
  ]) {
    it(`is refused with the position ${JSON.stringify(header.slice(0, 60))}`, () => {
      expect(faultsOf(parseFreshness(header, undefined))).to.deep.equal([
        'Firstcome-Position Coupon-0010',
      ]);
    });
  }

  for (const [prefer, waitMs] of [
    ['wait=0', 0],
    ['wait=1', 1_000],
    ['WAIT = 7', 7_000],
    ['wait="3"', 3_000],
    ['wait=10', 10_000],
    ['wait=11', 10_000],
    ['wait=999999999', 10_000],
    ['respond-async, wait=4', 4_000],
    ['wait=4; foo=bar', 4_000],
    ['wait=4, wait=9', 4_000],
    ['return=minimal', 2_000],
    ['waiting=9', 2_000],
    ['', 2_000],
  ] as const) {
    it(`waits ${waitMs} ms when it prefers ${JSON.stringify(prefer)}`, () => {
      expect(parseFreshness('coupon-assign/0/5', prefer)).to.have.nested.property(
        'value.waitMs',
        waitMs,
      );
    });
  }

  for (const prefer of ['wait', 'wait=', 'wait=-1', 'wait=1.5', 'wait=soon', 'wait=9999999999']) {
    it(`is refused when it prefers ${JSON.stringify(prefer)}`, () => {
      expect(faultsOf(parseFreshness('coupon-assign/0/5', prefer))).to.deep.equal([
        'Prefer Coupon-0010',
      ]);
    });
  }

  it('is read from any headers without an error, and never waits longer than 10 seconds', () => {
    const anyPosition = fc.oneof(
      anyUtf16,
      fc
        .tuple(fc.constantFrom('coupon-assign', 'coupon-lifecycle', 'x'), fc.integer(), fc.bigInt())
        .map((parts) => parts.join('/')),
    );
    const anyPrefer = fc.oneof(
      anyUtf16,
      fc.anything().map((value) => `wait=${JSON.stringify(value)}`),
    );
    fc.assert(
      fc.property(anyPosition, anyPrefer, (position, prefer) => {
        const result = parseFreshness(position, prefer);
        if (result.kind === 'refused' || result.value === null) return;
        expect(result.value.waitMs).to.be.within(0, 10_000);
        expect(result.value.positions.length).to.be.within(1, 16);
        for (const { partition, offset } of result.value.positions) {
          expect(partition).to.be.within(0, 999_999);
          expect(offset >= 0n && offset < 10n ** 18n).to.equal(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
