import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { createTopics, TOPIC_LAYOUT } from '../../../admin/topics.ts';
import { type KafkaAdmin, openAdmin } from '../../../platform/kafka/admin.ts';
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
      TOPIC_LAYOUT.map(({ topic }) => ({ topic: `${prefix}${topic}`, kind: 'created' })),
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
      'coupon-snapshots': [3, 3],
      'coupon-lifecycle-dlt': [3, 3, 3],
      'coupon-assign-dlt': [3, 3, 3],
    });
  });

  it('makes each acknowledge on two brokers and keep its records for ever', async () => {
    const reports = await createTopics(kafka, prefix);
    for (const { topic } of reports) {
      const names = ['min.insync.replicas', 'retention.ms', 'cleanup.policy'];
      const values = await eventually(() => admin.configOf(topic, names));
      expect(values).to.deep.equal({
        'min.insync.replicas': '2',
        'retention.ms': '-1',
        'cleanup.policy': 'delete',
      });
    }
  });

  it('changes nothing the second time', async () => {
    await createTopics(kafka, prefix);
    const again = await createTopics(kafka, prefix);
    expect(again.map(({ kind }) => kind)).to.deep.equal(Array(6).fill('existing'));
  });

  it('makes what is missing beside what is there', async () => {
    await createOne('coupon-epochs', { partitions: 1, replicas: 3 });
    const reports = await createTopics(kafka, prefix);
    expect(reports.filter(({ kind }) => kind === 'existing')).to.deep.equal([
      { topic: `${prefix}coupon-epochs`, kind: 'existing' },
    ]);
  });

  it('may run twice at the same time', async () => {
    const both = await Promise.all([createTopics(kafka, prefix), createTopics(kafka, prefix)]);
    expect(both.map((reports) => reports.length)).to.deep.equal([6, 6]);
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
    expect(reports.filter(({ kind }) => kind !== 'existing')).to.have.deep.members([
      { topic: `${prefix}coupon-assign`, kind: 'partitions-added', partitions: 6 },
      { topic: `${prefix}coupon-assign-dlt`, kind: 'partitions-added', partitions: 6 },
    ]);
    await untilCounts({ ...(await countsOf()), 'coupon-assign': 6, 'coupon-assign-dlt': 6 });
  });

  it('takes more partitions than it would make, and gives the dead letters as many', async () => {
    await createTopics(kafka, prefix);
    await addPartitions(kafka, `${prefix}coupon-lifecycle`, 4);
    const reports = await createTopics(kafka, prefix, 2);
    expect(reports.filter(({ kind }) => kind !== 'existing')).to.deep.equal([
      { topic: `${prefix}coupon-lifecycle-dlt`, kind: 'partitions-added', partitions: 4 },
    ]);
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

  it('refuses a topic that forgets, or that one broker may acknowledge, and names all faults', async () => {
    await admin.createTopic({
      topic: `${prefix}coupon-lifecycle`,
      partitions: 3,
      replicationFactor: 3,
      config: { 'min.insync.replicas': '1', 'retention.ms': '604800000' },
    });
    const error = await errorOf(createTopics(kafka, prefix));
    expect(error.code).to.equal('TOPIC_MISMATCH');
    expect(error.message).to.contain('has min.insync.replicas=1, not 2');
    expect(error.message).to.contain('has retention.ms=604800000, not -1');
  });
});

/** What `ask` gives, once the broker that it happens to reach knows the new topic. */
function eventually<T>(ask: () => Promise<T>): Promise<T> {
  return waitUntil('the broker knows the topic', () => ask().catch(() => undefined));
}
