import { expect } from 'chai';
import { layoutFaults, physicalLayout, type TopicFound } from '../../../contracts/topic-layout.ts';

const LAYOUTS = physicalLayout('test-');

/** What the brokers describe when all is as it has to be, `change` made to the topic of assignments. */
function found(change: (topic: TopicFound) => TopicFound = (topic) => topic) {
  return new Map(
    LAYOUTS.map(({ topic, partitions, replicas, settings }) => {
      const places = Array.from({ length: partitions }, (_, n) => [n, replicas] as const);
      const described = { replicas: new Map(places), settings: { ...settings, other: 'any' } };
      return [topic, topic === 'test-coupon-assign' ? change(described) : described];
    }),
  );
}

describe('the layout of the topics', () => {
  it('finds nothing in topics that are as it says', () => {
    expect(layoutFaults(LAYOUTS, found())).to.deep.equal([]);
  });

  for (const name of [
    'cleanup.policy',
    'retention.ms',
    'retention.bytes',
    'min.insync.replicas',
    'unclean.leader.election.enable',
    'compression.type',
    'message.timestamp.type',
    'max.message.bytes',
  ]) {
    it(`finds another ${name}, of every topic`, () => {
      expect(LAYOUTS.every(({ settings }) => settings[name] !== undefined)).to.equal(true);
      const faults = layoutFaults(
        LAYOUTS,
        found((topic) => ({ ...topic, settings: { ...topic.settings, [name]: 'another' } })),
      );
      expect(faults.join()).to.match(
        new RegExp(`^test-coupon-assign has ${name}=another, not \\S+$`),
      );
    });
  }

  it('takes larger records, and no smaller ones', () => {
    const withLargest = (bytes: string) =>
      layoutFaults(
        LAYOUTS,
        found((topic) => ({
          ...topic,
          settings: { ...topic.settings, 'max.message.bytes': bytes },
        })),
      );
    expect(withLargest('10485760')).to.deep.equal([]);
    expect(withLargest('1000012')).to.have.lengthOf(1);
  });

  it('finds too few partitions and replicas, and takes more partitions of events', () => {
    const withReplicas = (counts: number[]) =>
      layoutFaults(
        LAYOUTS,
        found((topic) => ({ ...topic, replicas: new Map(counts.map((count, n) => [n, count])) })),
      );
    expect(withReplicas([3, 3])).to.deep.equal(['test-coupon-assign has 2 partition(s), not 3']);
    expect(withReplicas([3, 3, 1])).to.deep.equal(['test-coupon-assign has 1 replica(s), not 3']);
    expect(withReplicas([3, 3, 3, 3])).to.deep.equal([]);
  });

  it('takes more replicas than it asks for, as while partitions move, and more of them in sync', () => {
    const replicas = new Map([3, 5, 6].map((count, n) => [n, count]));
    const more = found((topic) => ({
      ...{ replicas, settings: { ...topic.settings, 'min.insync.replicas': '3' } },
    }));
    expect(layoutFaults(LAYOUTS, more)).to.deep.equal([]);
  });

  it('finds a topic that is gone', () => {
    const rest = found();
    rest.delete('test-coupon-epochs');
    expect(layoutFaults(LAYOUTS, rest)).to.deep.equal(['test-coupon-epochs is not there']);
  });
});
