import { expect } from 'chai';
import fc from 'fast-check';
import { createRandom } from '../../chaos/random.ts';
import { formatSchedule, planChaos } from '../../chaos/schedule.ts';

const MINUTE_MS = 60_000;
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('a random schedule of faults', () => {
  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [one, other] = [planChaos(seed, 3 * MINUTE_MS), planChaos(seed, 3 * MINUTE_MS)];
        expect(formatSchedule(one)).to.equal(formatSchedule(other));
      }),
    );
  });

  it('is another for another seed', () => {
    const schedules = Array.from({ length: 100 }, (_, seed) =>
      formatSchedule(planChaos(seed, 3 * MINUTE_MS)),
    );
    expect(new Set(schedules).size).to.equal(100);
  });

  it('goes on the same way, however long it is to be', () => {
    const short = formatSchedule(planChaos(7, 2 * MINUTE_MS)).split('\n');
    const long = formatSchedule(planChaos(7, 4 * MINUTE_MS)).split('\n');
    expect(long.slice(0, 3)).to.deep.equal(short.slice(0, 3));
  });

  it('never hurts a part twice at once, and ends in time', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const busyUntil = new Map<string, number>();
        for (const { atMs, fault } of planChaos(seed, 3 * MINUTE_MS)) {
          const endMs = atMs + (fault.lastsMs ?? 0);
          expect(endMs).to.be.at.most(3 * MINUTE_MS);
          for (const part of fault.part.split(',')) {
            expect(atMs, fault.name).to.be.at.least(busyUntil.get(part) ?? 0);
            busyUntil.set(part, endMs);
          }
        }
      }),
    );
  });

  it('has every kind of fault, over some seeds', () => {
    const parts = new Set<string>();
    for (let seed = 0; seed < 50; seed += 1) {
      for (const { fault } of planChaos(seed, 3 * MINUTE_MS)) parts.add(fault.part);
    }
    expect(parts).to.include.all.keys(
      ...['command-api', 'command-api-2', 'projector', 'query-api', 'redis', 'mysql', 'registry'],
      ...['kafka-1', 'kafka-2', 'kafka-3', 'kafka-1,kafka-2,kafka-3', 'log', 'command-api>redis'],
    );
  });
});

describe('chance with a seed', () => {
  it('gives the numbers that it has always given', () => {
    const random = createRandom(1);
    expect([1, 2, 3].map(() => random.whole(0, 999))).to.deep.equal([627, 2, 527]);
  });

  it('spreads over what it may choose from', () => {
    const random = createRandom(42);
    const picked = Array.from({ length: 1_000 }, () => random.pick(['a', 'b', 'c', 'd']));
    for (const letter of ['a', 'b', 'c', 'd']) {
      expect(picked.filter((one) => one === letter).length).to.be.within(200, 300);
    }
  });
});
