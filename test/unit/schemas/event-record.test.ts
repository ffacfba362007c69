import { expect } from 'chai';
import fc from 'fast-check';
import { MalformedEvent, recordNameOf, toLogEvent } from '../../../contracts/event-record.ts';
import {
  anyCouponAssigned,
  anyCouponCreated,
  anyEpochStarted,
} from '../../support/fixtures/arbitraries.ts';

const ID = '0b8f7b9e-6f0c-4a4e-9a57-3d1f4f1b2c3d';
const OTHER_ID = '11111111-2222-4333-8444-555555555555';

const CREATED = {
  eventId: ID,
  epoch: 0,
  occurredAt: 1_800_000_000_000,
  idempotencyKey: null,
  requestHash: null,
  couponId: ID,
  title: '쿠폰',
  quantity: 0,
  startDate: 1_800_000_000_000,
  endDate: 1_800_000_000_001,
  perUserLimit: 1,
};
const ASSIGNED = {
  eventId: ID,
  epoch: 0,
  occurredAt: 1_800_000_000_000,
  idempotencyKey: 'key',
  requestHash: 'hash',
  assignmentId: ID,
  couponId: OTHER_ID,
  userId: 'user',
  sequence: 1,
  nthOfUser: 1,
};
const STARTED = { eventId: ID, epoch: 3, occurredAt: 1_800_000_000_000 };

type Case = [what: string, name: string, fields: Record<string, unknown>, says: string];

const REFUSED: Case[] = [
  ['a record of another topic', 'EpochClaimed', { claimedBy: 'x', claimedAt: 1 }, 'not a record'],
  ['a name that objects inherit', 'toString', {}, 'not a record'],
  ['a field that is missing', 'EpochStarted', { eventId: ID, epoch: 3 }, 'occurredAt'],
  ['an unknown field', 'EpochStarted', { ...STARTED, more: 1 }, 'unknown field more'],
  ['a text for a number', 'EpochStarted', { ...STARTED, epoch: '3' }, 'epoch'],
  ['a fraction', 'EpochStarted', { ...STARTED, epoch: 0.5 }, 'epoch'],
  ['a number beyond the exact ones', 'EpochStarted', { ...STARTED, epoch: 2 ** 53 }, 'epoch'],
  ['a negative epoch', 'EpochStarted', { ...STARTED, epoch: -1 }, 'epoch'],
  ['a time that is no number', 'EpochStarted', { ...STARTED, occurredAt: Number.NaN }, 'occurred'],
  ['an id that is no UUID', 'EpochStarted', { ...STARTED, eventId: 'x' }, 'eventId'],
  [
    'an id in capitals, which the stores would take for another',
    'EpochStarted',
    { ...STARTED, eventId: ID.toUpperCase() },
    'eventId',
  ],
  ['null for a text', 'CouponCreated', { ...CREATED, title: null }, 'title'],
  ['an empty title', 'CouponCreated', { ...CREATED, title: '' }, 'title'],
  ['a negative quantity', 'CouponCreated', { ...CREATED, quantity: -1 }, 'quantity'],
  ['a limit of nothing', 'CouponCreated', { ...CREATED, perUserLimit: 0 }, 'perUserLimit'],
  ['an event id that is not the coupon', 'CouponCreated', { ...CREATED, eventId: OTHER_ID }, 'Id'],
  [
    'an end at the start',
    'CouponCreated',
    { ...CREATED, endDate: CREATED.startDate },
    'endDate is not after',
  ],
  ['a key without its hash', 'CouponAssigned', { ...ASSIGNED, requestHash: null }, 'requestHash'],
  ['a hash without its key', 'CouponAssigned', { ...ASSIGNED, idempotencyKey: null }, 'requestH'],
  ['an empty user id', 'CouponAssigned', { ...ASSIGNED, userId: '' }, 'userId'],
  ['a sequence of 0', 'CouponAssigned', { ...ASSIGNED, sequence: 0 }, 'sequence'],
  ['a 0th assignment of a user', 'CouponAssigned', { ...ASSIGNED, nthOfUser: 0 }, 'nthOfUser'],
  [
    'an event id that is not the assignment',
    'CouponAssigned',
    { ...ASSIGNED, eventId: OTHER_ID },
    'eventId is not assignmentId',
  ],
];

describe('toLogEvent', () => {
  it('gives the event, with its type, and nothing else', () => {
    expect(toLogEvent('CouponCreated', CREATED)).to.deep.equal({
      type: 'CouponCreated',
      ...CREATED,
    });
    expect(toLogEvent('CouponAssigned', ASSIGNED)).to.deep.equal({
      type: 'CouponAssigned',
      ...ASSIGNED,
    });
    expect(toLogEvent('EpochStarted', STARTED)).to.deep.equal({ type: 'EpochStarted', ...STARTED });
  });

  it('accepts every event that the domain allows', () => {
    fc.assert(
      fc.property(fc.oneof(anyCouponCreated, anyCouponAssigned, anyEpochStarted), (event) => {
        const { type: _name, ...fields } = event;
        expect(toLogEvent(recordNameOf(event), fields)).to.deep.equal(event);
      }),
    );
  });

  for (const [what, name, fields, says] of REFUSED) {
    it(`refuses ${what}`, () => {
      expect(() => toLogEvent(name, fields)).to.throw(MalformedEvent, says);
    });
  }

  it('refuses any event that lacks any of its fields', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyCouponCreated, anyCouponAssigned, anyEpochStarted),
        fc.nat(),
        (event, pick) => {
          const { type: _name, ...fields } = event;
          const names = Object.keys(fields);
          const missing = names[pick % names.length] as string;
          const rest = Object.fromEntries(Object.entries(fields).filter(([f]) => f !== missing));
          expect(() => toLogEvent(event.type, rest)).to.throw(MalformedEvent, missing);
        },
      ),
    );
  });
});
