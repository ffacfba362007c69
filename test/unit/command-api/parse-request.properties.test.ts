import { expect } from 'chai';
import fc from 'fast-check';
import { parseAssign } from '../../../command-api/http/assignment/assign-route.ts';
import { parseCreate } from '../../../command-api/http/coupon/create-route.ts';
import { PROBLEMS } from '../../../contracts/problems.ts';
import { type CreateCoupon, LIMITS } from '../../../domain/commands.ts';
import { COUPON_ID } from '../../support/fixtures/sample-events.ts';

const text = fc.string({ unit: 'binary', maxLength: 130 });
const anyJson = fc.oneof(
  fc.jsonValue(),
  text,
  fc.double(),
  fc.constantFrom(-0, 1e21, Number.MAX_SAFE_INTEGER),
);
const isoDate = fc
  .date({ min: new Date('1990-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const header = fc.option(fc.oneof(text, fc.string({ minLength: 1, maxLength: 40 })), {
  nil: undefined,
});
/** Bodies with the right field names, mostly wrong. */
const crookedCreate = fc.record(
  {
    title: fc.oneof(text, anyJson),
    quantity: fc.oneof(fc.integer(), fc.nat(2_000_000), anyJson),
    startDate: fc.oneof(isoDate, anyJson),
    endDate: fc.oneof(isoDate, anyJson),
    perUserLimit: fc.oneof(fc.integer({ min: -1, max: 102 }), anyJson),
    unknown: fc.constant(1),
  },
  { requiredKeys: [] },
);
const instant = fc.integer({
  min: Date.UTC(LIMITS.firstYear),
  max: Date.UTC(LIMITS.lastYear, 11, 31),
});
const PARTS = ['title', 'quantity', 'startDate', 'endDate', 'perUserLimit'] as const;
/** What a request can mean. */
const meaning = fc
  .record({
    title: fc
      .string({ unit: 'grapheme-composite', minLength: 1, maxLength: 20 })
      .map((s) => `${s}.`),
    quantity: fc.nat(LIMITS.quantity),
    dates: fc.uniqueArray(instant, { minLength: 2, maxLength: 2 }),
    perUserLimit: fc.integer({ min: 1, max: LIMITS.perUserLimit }),
  })
  .map(({ dates, ...rest }) => {
    const [startDate = 0, endDate = 0] = dates.toSorted((a, b) => a - b);
    return { ...rest, startDate, endDate };
  });
type Meaning = typeof meaning extends fc.Arbitrary<infer T> ? T : never;

function bodyOf({ startDate, endDate, ...rest }: Meaning, zoneHours = 0): unknown {
  const inZone = (ms: number) =>
    zoneHours === 0
      ? new Date(ms).toISOString()
      : new Date(ms + zoneHours * 3_600_000).toISOString().replace('Z', `+0${zoneHours}:00`);
  return { endDate: inZone(endDate), startDate: inZone(startDate), ...rest };
}

function parsedCreate(body: unknown, key: string): Omit<CreateCoupon, 'couponId'> {
  const parsed = parseCreate(body, key);
  if (parsed.kind === 'refused') throw new Error(JSON.stringify(parsed.faults));
  return parsed.request;
}

describe('Whatever a client sends', () => {
  it('is a request inside its bounds or a list of faults with known codes, never an exception', () => {
    fc.assert(
      fc.property(fc.oneof(crookedCreate, anyJson), header, (body, key) => {
        const parsed = parseCreate(body, key);
        if (parsed.kind === 'refused') {
          expect(parsed.faults).to.not.have.length(0);
          for (const { problem, reason } of parsed.faults) {
            expect(PROBLEMS[problem].status).to.equal(400);
            expect(reason).to.not.equal('');
          }
          return;
        }
        const { title, quantity, startDate, endDate, perUserLimit } = parsed.request;
        expect([...title].length).to.be.within(1, LIMITS.titleCharacters);
        expect(title.isWellFormed()).to.equal(true);
        expect(title).to.equal(title.trim());
        expect(quantity).to.satisfy(Number.isInteger).and.be.within(0, LIMITS.quantity);
        expect(perUserLimit).to.satisfy(Number.isInteger).and.be.within(1, LIMITS.perUserLimit);
        expect(endDate).to.be.above(startDate);
        expect(new Date(startDate).getUTCFullYear()).to.be.at.least(LIMITS.firstYear);
        expect(new Date(endDate).getUTCFullYear()).to.be.at.most(LIMITS.lastYear);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is a request for a unit inside its bounds or a list of faults, never an exception', () => {
    const body = fc.oneof(fc.record({ userId: fc.oneof(text, anyJson) }), anyJson);
    const couponId = fc.oneof(text, fc.uuid(), fc.constant(COUPON_ID));
    fc.assert(
      fc.property(couponId, body, header, (id, some, key) => {
        const parsed = parseAssign(id, some, key);
        if (parsed.kind === 'refused') {
          expect(parsed.faults).to.not.have.length(0);
          return;
        }
        const { request } = parsed;
        expect([...request.userId].length).to.be.within(1, LIMITS.userIdCharacters);
        expect(request.couponId).to.equal(id.toLowerCase());
        expect(request.key === null).to.equal(key === undefined);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('What a request means', () => {
  it('is kept: title, numbers and instants come out as they went in', () => {
    fc.assert(
      fc.property(meaning, (some) => {
        const { key: _key, ...request } = parsedCreate(bodyOf(some), 'k');
        expect(request).to.deep.equal({ ...some, title: some.title.trim() });
      }),
    );
  });

  it('has the same hash, in whatever words it is said', () => {
    fc.assert(
      fc.property(meaning, (some) => {
        fc.pre(some.endDate < Date.UTC(9999, 11, 30));
        const first = parsedCreate(bodyOf(some), 'k');
        const other = parsedCreate(
          { ...(bodyOf(some, 9) as object), title: ` ${some.title}\n` },
          'k',
        );
        expect(other).to.deep.equal(first);
      }),
    );
  });

  it('has another hash when any part of it is another', () => {
    fc.assert(
      fc.property(meaning, meaning, fc.constantFrom(...PARTS), (one, another, part) => {
        const changed = { ...one, [part]: another[part] };
        fc.pre(changed[part] !== one[part] && changed.startDate < changed.endDate);
        fc.pre(String(changed.title).trim() !== one.title.trim() || part !== 'title');
        const hashOf = (some: Meaning) => parsedCreate(bodyOf(some), 'k').key?.requestHash;
        expect(hashOf(changed)).to.not.equal(hashOf(one));
      }),
    );
  });

  it('is another for another user or coupon, and the same for the same ones', () => {
    const user = fc.string({ minLength: 1, maxLength: 12 }).map((s) => `u${s.trim()}`);
    const hashOf = (id: string, userId: string) => {
      const parsed = parseAssign(id, { userId }, 'k');
      return parsed.kind === 'parsed' ? parsed.request.key?.requestHash : undefined;
    };
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), user, user, (id, otherId, one, another) => {
        fc.pre(hashOf(id, one) !== undefined && one !== another && id !== otherId);
        expect(hashOf(id.toUpperCase(), one)).to.equal(hashOf(id, one));
        expect(hashOf(id, another)).to.not.equal(hashOf(id, one));
        expect(hashOf(otherId, one)).to.not.equal(hashOf(id, one));
      }),
    );
  });
});
