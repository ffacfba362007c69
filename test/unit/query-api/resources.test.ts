import { expect } from 'chai';
import fc from 'fast-check';
import {
  couponStatus,
  type StoredCoupon,
  toAssignmentResource,
  toCouponResource,
  toPage,
} from '../../../query-api/http/resources.ts';
import { anyTime } from '../../support/fixtures/arbitraries.ts';

const START = Date.UTC(2026, 5, 1, 0, 0, 0, 1);
const END = Date.UTC(2026, 5, 2);
const COUPON: StoredCoupon = {
  id: '0b9fa1f4-53a2-4f3c-8c57-0d3f0e9f3a11',
  title: '선착순 쿠폰 ☕',
  quantity: 3,
  perUserLimit: 2,
  startDate: START,
  endDate: END,
  createdAt: START - 1,
  issued: 1,
};

describe('The status of a coupon', () => {
  for (const [status, when, nowMs, issued] of [
    ['scheduled', 'a millisecond before its start', START - 1, 0],
    ['running', 'at its start', START, 0],
    ['running', 'while a unit is left', START, 2],
    ['sold-out', 'when the last unit is given', START, 3],
    ['running', 'a millisecond before its end', END - 1, 2],
    ['ended', 'at its end', END, 0],
    ['ended', 'after its end, sold out or not', END + 1, 3],
    ['scheduled', 'before its start, whatever was given', START - 1, 3],
  ] as const) {
    it(`is ${status} ${when}`, () => {
      expect(couponStatus({ ...COUPON, issued }, nowMs)).to.equal(status);
    });
  }

  it('is sold out from the start with no unit at all', () => {
    expect(couponStatus({ ...COUPON, quantity: 0, issued: 0 }, START)).to.equal('sold-out');
  });

  it('only ever goes from scheduled to running or sold out to ended as time passes', () => {
    const rank = { scheduled: 0, running: 1, 'sold-out': 1, ended: 2 };
    const dates = fc.uniqueArray(anyTime, { minLength: 2, maxLength: 2 });
    const times = fc.array(anyTime, { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(dates, times, fc.nat(5), fc.nat(5), (window, clock, quantity, issued) => {
        const startDate = Math.min(...window);
        const endDate = Math.max(...window);
        const ranks = clock
          .sort((a, b) => a - b)
          .map((now) => rank[couponStatus({ startDate, endDate, quantity, issued }, now)]);
        expect(ranks).to.deep.equal([...ranks].sort());
      }),
    );
  });
});

describe('A resource', () => {
  it('of a coupon has its fields, with times in UTC', () => {
    expect(toCouponResource(COUPON, START)).to.deep.equal({
      id: COUPON.id,
      title: '선착순 쿠폰 ☕',
      quantity: 3,
      startDate: '2026-06-01T00:00:00.001Z',
      endDate: '2026-06-02T00:00:00.000Z',
      perUserLimit: 2,
      createdAt: '2026-06-01T00:00:00.000Z',
      status: 'running',
      issued: 1,
      remaining: 2,
    });
  });

  it('of an assignment has its fields, with times in UTC', () => {
    const stored = {
      id: '5d0ad3c9-6f49-4d0e-9d44-2cf3a4ab1c22',
      couponId: COUPON.id,
      userId: '김민수',
      sequence: 7,
      assignedAt: START,
    };
    expect(toAssignmentResource(stored)).to.deep.equal({
      assignmentId: stored.id,
      couponId: COUPON.id,
      userId: '김민수',
      sequence: 7,
      assignedAt: '2026-06-01T00:00:00.001Z',
    });
  });
});

describe('A page', () => {
  const pageOf = (rows: number[], next: number | null) =>
    toPage({ rows, next }, String, (place) => `@${place}`);

  it('ends the list when its walk does', () => {
    expect(pageOf([], null)).to.deep.equal({ items: [], nextCursor: null });
    expect(pageOf([1], null)).to.deep.equal({ items: ['1'], nextCursor: null });
  });

  it('leads on to where its walk goes on', () => {
    expect(pageOf([1, 2], 7)).to.deep.equal({ items: ['1', '2'], nextCursor: '@7' });
  });
});
