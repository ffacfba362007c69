import { expect } from 'chai';
import fc from 'fast-check';
import { checkInvariants } from '../../../verifier/invariants.ts';
import { buildSystem, type System, systemSpec } from './fixture-system.ts';
import { DEFECTS } from './planted-defects.ts';

describe('the checks of the invariants', () => {
  it('find nothing in a clean system', () => {
    fc.assert(
      fc.property(systemSpec, (spec) => {
        expect(breachesIn(buildSystem(spec))).to.deep.equal({});
      }),
      { numRuns: 300 },
    );
  });

  it('say what they counted', () => {
    const system = buildSystem({
      coupons: [
        { spare: 2, perUserLimit: 2, takers: [] },
        { spare: 3, perUserLimit: 2, takers: [1] },
      ],
      newEpochAfter: 4,
      oddities: [
        'nothing',
        'repeat',
        'fenced stranger',
        'unreadable',
        'nothing',
        'fenced copy',
        'retried',
      ],
      late: 1,
      onTheWay: 0,
    });
    const numbers = Object.fromEntries(
      checkInvariants(system.facts).map((finding) => [finding.invariant, finding.numbers]),
    );
    expect(numbers[1]).to.deep.equal({
      coupons: 2,
      'in the log': 10,
      'in the tables': 9,
      'in Redis': 9,
    });
    expect(numbers[2]).to.deep.equal({
      'users in the log': 8,
      'users in the tables': 7,
      'users in Redis': 7,
    });
    expect(numbers[3]).to.deep.equal({
      answered: 4,
      events: 4,
      rows: 4,
      lost: 0,
      orphans: 0,
      duplicates: 0,
      'never answered': 0,
    });
    expect(numbers[4]).to.deep.equal({
      coupons: 2,
      taken: 9,
      held: 9,
      events: 10,
      'in outboxes': 0,
      quarantined: 0,
      unsteady: 0,
    });
    expect(numbers[5]).to.deep.equal({
      coupons: 2,
      assignments: 9,
      missing: 0,
      extra: 0,
      different: 0,
      'wrong counters': 0,
      behind: 0,
    });
    expect(numbers[6]).to.deep.equal({ keys: 4, repeated: 2, answers: 6 });
    expect(numbers[7]).to.deep.equal({ partitions: 6, lag: 1, unapplied: 0 });
    expect(numbers[8]).to.deep.equal({
      applied: 10,
      repeated: 1,
      fenced: 2,
      marker: 12,
      'dead-lettered': 2,
      none: 0,
      several: 0,
    });
    expect(numbers[9]).to.deep.equal({
      refusals: 0,
      'sold out': 0,
      'limit reached': 0,
      'in doubt': 0,
      other: 0,
    });
    expect(numbers[10]).to.deep.equal({ assignments: 10, repeats: 1, markers: 12 });
  });

  it('keep five examples of a thousand breaches, and count them all', () => {
    const system = buildSystem({
      coupons: [
        { spare: 2, perUserLimit: 2, takers: [] },
        { spare: 2, perUserLimit: 2, takers: [] },
      ],
      newEpochAfter: null,
      oddities: [],
      late: 0,
      onTheWay: 0,
    });
    for (let i = 0; i < 1_000; i += 1) {
      system.facts.tables.coupons.set(`no such coupon ${i}`, {
        title: '',
        quantity: 0,
        perUserLimit: 1,
        startDate: 0,
        endDate: 1,
        createdAt: 0,
        epoch: 9,
      });
    }
    const finding = checkInvariants(system.facts).find(({ invariant }) => invariant === 5);
    expect(finding?.ok).to.equal(false);
    expect(finding?.breaches.count).to.equal(1_000);
    expect(finding?.breaches.examples).to.have.length(5);
  });

  it('look at every column of every row', () => {
    const spec = fc.sample(systemSpec, 1)[0];
    if (spec === undefined) throw new Error('no spec');
    for (const table of ['coupons', 'assignments'] as const) {
      const columns = Object.keys([...buildSystem(spec).facts.tables[table].values()][0] ?? {});
      expect(columns).to.not.deep.equal([]);
      for (const column of columns) {
        const { facts } = buildSystem(spec);
        const row = [...facts.tables[table].values()][0] as unknown as Record<string, unknown>;
        row[column] = 'another';
        const finding = checkInvariants(facts).find(({ invariant }) => invariant === 5);
        expect(finding?.numbers.different, `${table}.${column}`).to.equal(1);
      }
    }
  });

  it('leave what only clients know out without a ledger', () => {
    fc.assert(
      fc.property(systemSpec, (spec) => {
        const { facts } = buildSystem(spec);
        const findings = checkInvariants({ ...facts, ledger: null });
        expect(findings.map(({ invariant }) => invariant)).to.deep.equal([1, 2, 4, 5, 7, 8, 10]);
      }),
      { numRuns: 10 },
    );
  });

  describe('in a system with one defect find exactly that:', () => {
    for (const { name, breaks, plant } of DEFECTS) {
      it(`${name} breaks ${breaks.length === 0 ? 'nothing' : breaks.join(', ')}`, () => {
        fc.assert(
          fc.property(systemSpec, (spec) => {
            const system = buildSystem(spec);
            plant(system);
            expect(Object.keys(breachesIn(system)).map(Number)).to.deep.equal(breaks);
          }),
          { numRuns: 60 },
        );
      });
    }
  });
});

function breachesIn({ facts }: System): Record<number, string[]> {
  return Object.fromEntries(
    checkInvariants(facts)
      .filter(({ ok }) => !ok)
      .map(({ invariant, breaches }) => [invariant, breaches.examples]),
  );
}
