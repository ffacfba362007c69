import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { createTopics, type TopicReport } from '../../../admin/topics.ts';
import { layoutFaults, physicalLayout, TOPIC_LAYOUT } from '../../../contracts/topic-layout.ts';
import { type KafkaAdmin, openAdmin } from '../../../platform/kafka/admin.ts';
import { topicsAssumption } from '../../../platform/kafka/topic-assumption.ts';
import { errorOf } from '../../support/error-of.ts';
import { randomName } from '../../support/random-name.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { createTestKafka, deleteTopics } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('creating the topics', () => {
  const kafka = createTestKafka();
  let admin: KafkaAdmin;
  let prefix: string;
  before(async () => {
    admin = await openAdmin(kafka);
  });
  after(() => admin?.close());
  beforeEach(() => {
    prefix = `${randomName('topics')}-`;
  });
  afterEach(() => deleteTopics(kafka, prefix, TOPIC_LAYOUT.length));

  const createOne = (topic: string, shape: { partitions: number; replicas: number }) =>
    admin.createTopic({
      topic: `${prefix}${topic}`,
      partitions: shape.partitions,
      replicationFactor: shape.replicas,
      config: { 'min.insync.replicas': '2', 'retention.ms': '-1' },
    });

  it('makes each with its partitions, on three brokers', async () => {
    const reports = await createTopics(kafka, prefix);
    expect(reports).to.deep.equal(
      physicalLayout(prefix).map(({ topic, settings }) => {
        const compared = Object.keys(settings).length;
        return { topic, kind: 'created', compared, changed: [] };
      }),
    );
    const names = reports.map(({ topic }) => topic);
    const found = await eventually(() => admin.describeTopics(names));
    const shapes = Object.fromEntries(
      found.map(({ topic, replicas }) => [topic.slice(prefix.length), [...replicas.values()]]),
    );
    expect(shapes).to.deep.equal({
      'coupon-lifecycle': [3, 3, 3],
      'coupon-assign': [3, 3, 3],
      'coupon-epochs': [3],
      'coupon-schemas': [3],
      'coupon-discards': [3],
      'coupon-snapshots': [3, 3],
      'coupon-lifecycle-dlt': [3, 3, 3],
      'coupon-assign-dlt': [3, 3, 3],
    });
  });

  it('sets each setting for the topic itself, so that none is the choice of the cluster', async () => {
    await createTopics(kafka, prefix);
    for (const { topic, settings } of physicalLayout(prefix)) {
      const described = await eventually(() => admin.describeConfigs([topic]));
      expect(described.get(topic)?.own, topic).to.deep.equal(settings);
    }
  });

  it('changes nothing the second time', async () => {
    await createTopics(kafka, prefix);
    const again = await createTopics(kafka, prefix);
    expect(again.map(({ kind }) => kind)).to.deep.equal(
      Array(TOPIC_LAYOUT.length).fill('existing'),
    );
  });

  it('makes what is missing beside what is there', async () => {
    await createOne('coupon-epochs', { partitions: 1, replicas: 3 });
    const reports = await createTopics(kafka, prefix);
    const existing = reports.filter(({ kind }) => kind === 'existing');
    expect(existing.map(({ topic }) => topic)).to.deep.equal([`${prefix}coupon-epochs`]);
  });

  it('may run twice at the same time', async () => {
    const both = await Promise.all([createTopics(kafka, prefix), createTopics(kafka, prefix)]);
    expect(both.map((reports) => reports.length)).to.deep.equal([
      TOPIC_LAYOUT.length,
      TOPIC_LAYOUT.length,
    ]);
  });

  const countsOf = async (): Promise<Record<string, number>> => {
    const names = [
      'coupon-lifecycle',
      'coupon-assign',
      'coupon-lifecycle-dlt',
      'coupon-assign-dlt',
    ];
    const topics = await admin.describeTopics(names.map((name) => prefix + name));
    return Object.fromEntries(
      topics.map(({ topic, replicas }) => [topic.slice(prefix.length), replicas.size]),
    );
  };

  const grownIn = (reports: readonly TopicReport[]): string[] =>
    reports.flatMap((report) =>
      report.kind === 'partitions-added'
        ? [`${report.topic.slice(prefix.length)}: ${report.partitions}`]
        : [],
    );

  /** Waits for these numbers: the broker that is reached may not know them yet. */
  const untilCounts = (expected: Record<string, number>): Promise<unknown> =>
    waitUntil(`the partitions are ${JSON.stringify(expected)}`, async () => {
      const counts = await countsOf().catch(() => ({}));
      return isDeepStrictEqual(counts, expected);
    });

  it('makes as many partitions for assignments as are asked for, and for their dead letters', async () => {
    await createTopics(kafka, prefix, 5);
    await untilCounts({
      'coupon-lifecycle': 3,
      'coupon-assign': 5,
      'coupon-lifecycle-dlt': 3,
      'coupon-assign-dlt': 5,
    });
    const reports = await createTopics(kafka, prefix, 6);
    expect(grownIn(reports)).to.have.members(['coupon-assign: 6', 'coupon-assign-dlt: 6']);
    await untilCounts({ ...(await countsOf()), 'coupon-assign': 6, 'coupon-assign-dlt': 6 });
  });

  it('takes more partitions than it would make, and gives the dead letters as many', async () => {
    await createTopics(kafka, prefix);
    await addPartitions(kafka, `${prefix}coupon-lifecycle`, 4);
    const reports = await createTopics(kafka, prefix, 2);
    expect(grownIn(reports)).to.deep.equal(['coupon-lifecycle-dlt: 4']);
    const again = await createTopics(kafka, prefix);
    expect(new Set(again.map(({ kind }) => kind))).to.deep.equal(new Set(['existing']));
  });

  it('refuses a second partition for the claims', async () => {
    await createOne('coupon-epochs', { partitions: 2, replicas: 3 });
    const error = await errorOf(createTopics(kafka, prefix));
    expect(error.message).to.equal(`${prefix}coupon-epochs has 2 partition(s), not 1`);
  });

  it('refuses a topic with fewer partitions', async () => {
    await createOne('coupon-assign', { partitions: 2, replicas: 3 });
    const error = await errorOf(createTopics(kafka, prefix));
    expect(error).to.include({ code: 'TOPIC_MISMATCH', retriable: false });
    expect(error.message).to.equal(`${prefix}coupon-assign has 2 partition(s), not 3`);
  });

  it('refuses a topic with too few replicas', async () => {
    await createOne('coupon-epochs', { partitions: 1, replicas: 2 });
    const error = await errorOf(createTopics(kafka, prefix));
    expect(error.message).to.equal(`${prefix}coupon-epochs has 2 replica(s), not 3`);
  });

  it('mends the settings of a topic that may lose records, says which, and leaves its others and a higher limit', async () => {
    const topic = `${prefix}coupon-lifecycle`;
    const config = {
      'cleanup.policy': 'compact',
      'retention.bytes': '1000000',
      'unclean.leader.election.enable': 'true',
      'min.insync.replicas': '1',
      'max.message.bytes': '4194304',
      'segment.ms': '86400000',
    };
    await admin.createTopic({ topic, partitions: 3, replicationFactor: 3, config });
    const reports = await createTopics(kafka, prefix);
    const changed = reports.find((report) => report.topic === topic)?.changed ?? [];
    expect(
      changed.map(({ name, before, isInherited }) => [name, before, isInherited]),
    ).to.deep.equal([
      ['cleanup.policy', 'compact', false],
      ['retention.ms', '-1', true],
      ['retention.bytes', '1000000', false],
      ['min.insync.replicas', '1', false],
      ['unclean.leader.election.enable', 'true', false],
      ['compression.type', 'producer', true],
      ['message.timestamp.type', 'CreateTime', true],
    ]);
    const own = (await admin.describeConfigs([topic])).get(topic)?.own;
    const wanted = physicalLayout(prefix).find((layout) => layout.topic === topic)?.settings;
    expect(own).to.deep.equal({
      ...wanted,
      'max.message.bytes': '4194304',
      'segment.ms': '86400000',
    });
    const again = await createTopics(kafka, prefix);
    expect(again.flatMap((report) => report.changed)).to.deep.equal([]);
  });

  it('finds a running topic whose settings were changed, and that it was mended', async () => {
    await createTopics(kafka, prefix);
    const layouts = physicalLayout(prefix);
    const { look } = topicsAssumption(kafka, layouts, layoutFaults);
    await waitUntil('it holds', async () => (await look()).kind === 'holds');
    const topic = `${prefix}coupon-assign`;
    await admin.changeConfig(topic, { 'retention.bytes': '1000000' });
    const found = await waitUntil('it is broken', async () => {
      const finding = await look();
      return finding.kind === 'broken' && finding;
    });
    expect(found.reason).to.equal(
      `${topic} has retention.bytes=1000000, not -1; firstcome migrate sets them`,
    );
    await createTopics(kafka, prefix);
    await waitUntil('it holds again', async () => (await look()).kind === 'holds');
  });
});

/** What `ask` gives, once the broker that it happens to reach knows the new topic. */
function eventually<T>(ask: () => Promise<T>): Promise<T> {
  return waitUntil('the broker knows the topic', () => ask().catch(() => undefined));
}
