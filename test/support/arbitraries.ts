// Events of every kind that the domain allows, for property-based tests.
import fc from 'fast-check';
import { LIMITS } from '../../domain/commands.ts';
import type {
  CouponAssigned,
  CouponCreated,
  EpochClaimed,
  EpochStarted,
} from '../../domain/coupon-events.ts';
import { isUserId } from '../../domain/user-id.ts';

const FIRST_TIME = Date.UTC(LIMITS.firstYear, 0, 1);
const LAST_TIME = Date.UTC(LIMITS.lastYear, 11, 31, 23, 59, 59, 999);

/** Well-formed text of any script: Korean, emoji with joiners, combining marks, any code point. */
function anyText(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const samples = [
    '선착순 쿠폰',
    'e\u0301\u0323',
    '👩‍👩‍👧‍👦🎟️',
    '\u0000',
    '\u202Eabc',
    '\uFEFF',
    '𐍈',
    "'; --",
  ];
  return fc
    .oneof(
      fc.string({ unit: 'grapheme', maxLength }),
      fc.string({ unit: 'binary', maxLength }),
      fc.array(fc.constantFrom(...samples), { maxLength: 20 }).map((parts) => parts.join('')),
    )
    .map((text) => [...text].slice(0, maxLength).join(''))
    .filter((text) => [...text].length >= minLength);
}

export const anyUuid: fc.Arbitrary<string> = fc.uuid();

/** Milliseconds since 1970 inside the years that the service takes. */
export const anyTime: fc.Arbitrary<number> = fc.integer({ min: FIRST_TIME, max: LAST_TIME });

export const anyUserId: fc.Arbitrary<string> = anyText(1, LIMITS.userIdCharacters).filter(isUserId);

const anyEpoch = fc.integer({ min: 0, max: 2 ** 48 });

const VISIBLE_ASCII = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];

const anyIdentity = fc.oneof(
  fc.constant({ idempotencyKey: null, requestHash: null }),
  fc.record({
    idempotencyKey: fc.string({
      unit: fc.constantFrom(...VISIBLE_ASCII),
      minLength: 1,
      maxLength: LIMITS.idempotencyKeyCharacters,
    }),
    requestHash: fc.string({
      unit: fc.constantFrom(...BASE64URL),
      minLength: 43,
      maxLength: 43,
    }),
  }),
);

export const anyCouponCreated: fc.Arbitrary<CouponCreated> = fc
  .record({
    couponId: anyUuid,
    epoch: anyEpoch,
    occurredAt: anyTime,
    identity: anyIdentity,
    title: anyText(1, LIMITS.titleCharacters),
    quantity: fc.integer({ min: 0, max: LIMITS.quantity }),
    dates: fc.uniqueArray(anyTime, { minLength: 2, maxLength: 2 }),
    perUserLimit: fc.integer({ min: 1, max: LIMITS.perUserLimit }),
  })
  .map(({ identity, dates, ...fields }) => ({
    type: 'CouponCreated' as const,
    eventId: fields.couponId,
    ...fields,
    ...identity,
    startDate: Math.min(...dates),
    endDate: Math.max(...dates),
  }));

export const anyCouponAssigned: fc.Arbitrary<CouponAssigned> = fc
  .record({
    assignmentId: anyUuid,
    couponId: anyUuid,
    epoch: anyEpoch,
    occurredAt: anyTime,
    identity: anyIdentity,
    userId: anyUserId,
    sequence: fc.integer({ min: 1, max: 2 ** 48 }),
    nthOfUser: fc.integer({ min: 1, max: LIMITS.perUserLimit }),
  })
  .map(({ identity, ...fields }) => ({
    type: 'CouponAssigned' as const,
    eventId: fields.assignmentId,
    ...fields,
    ...identity,
  }));

export const anyEpochStarted: fc.Arbitrary<EpochStarted> = fc.record({
  type: fc.constant('EpochStarted' as const),
  eventId: anyUuid,
  epoch: anyEpoch,
  occurredAt: anyTime,
});

export const anyEpochClaimed: fc.Arbitrary<EpochClaimed> = fc.record({
  type: fc.constant('EpochClaimed' as const),
  claimedBy: anyText(1, 100),
  claimedAt: anyTime,
  partitions: fc.constantFrom('', 'coupon-lifecycle=3 coupon-assign=3'),
});
