import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { AppError } from '../../../../platform/errors.ts';
import {
  type KafkaAdmin,
  openAdmin,
  readLogRanges,
  withAdminUntilSpread,
} from '../../../../platform/kafka/admin.ts';
import { errorOf } from '../../../support/error-of.ts';
import { createFaultyKafka } from '../../../support/faults/faulty-kafka.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('The admin of Kafka', () => {
  let system: TopicSystem;
  let topic: string;
  let admin: KafkaAdmin;

  before(async () => {
    system = await createTopicSystem(2);
    topic = system.topic;
    admin = await openAdmin(system.client);
  });
  after(async () => {
    await admin?.close();
    await system?.cleanup();
  });

  it('creates a topic once, as it is told, and deletes it', async () => {
    const another = `${topic}-another`;
    const config = { 'min.insync.replicas': '2', 'retention.ms': '-1' };
    const wanted = { topic: another, partitions: 1, replicationFactor: 3, config };
    expect(await admin.createTopic(wanted)).to.equal('created');
    expect(await admin.createTopic(wanted)).to.equal('existing');
    await waitUntil('it is listed', async () => (await admin.listTopics()).includes(another));
    const shapes = await withAdminUntilSpread(system.client, 15_000, (own) =>
      own.describeTopics([another]),
    );
    expect(shapes).to.deep.equal([{ topic: another, replicas: new Map([[0, 3]]) }]);
    const ownConfig = async () => (await admin.describeConfigs([another])).get(another)?.own;
    expect(await ownConfig()).to.deep.equal(config);
    await admin.changeConfig(another, { 'retention.bytes': '-1', 'retention.ms': '60000' });
    const changed = { ...config, 'retention.bytes': '-1', 'retention.ms': '60000' };
    await waitUntil('it is changed, and keeps the rest', async () =>
      isDeepStrictEqual(await ownConfig(), changed),
    );
    await admin.deleteTopics([another]);
    await waitUntil('it is gone', async () => !(await admin.listTopics()).includes(another));
  });

  it('adds the partitions that are missing, and leaves a topic that has them', async () => {
    await admin.addPartitions(topic, 3);
    await admin.addPartitions(topic, 3);
    await admin.addPartitions(topic, 2);
    const count = await waitUntil('the third is known', async () => {
      const [shape] = await withAdminUntilSpread(system.client, 15_000, (own) =>
        own.describeTopics([topic]),
      );
      return shape?.replicas.size === 3 && shape.replicas.size;
    });
    expect(count).to.equal(3);
  });

  it('knows what each partition holds, and where it ends', async () => {
    const values = ['a', 'b', 'c'];
    const [offset = 0n] = await system.write(values.map((value) => ({ partition: 1, value })));
    const end = offset + 3n;
    expect((await admin.endOffsets(topic)).get(1)).to.equal(end);
    await admin.deleteRecordsBefore(topic, new Map([[1, end - 1n]]));
    const held = (await readLogRanges(system.client, topic)).find((r) => r.partition === 1);
    expect(held).to.deep.equal({ topic, partition: 1, from: end - 1n, to: end });
  });

  it('tells what the brokers refuse, and that they are away', async () => {
    const refused = await errorOf(
      admin.createTopic({ topic: `${topic}-x`, partitions: 1, replicationFactor: 9 }),
    );
    expect(refused.code).to.equal('KAFKA_UNAVAILABLE');
    const links = await createFaultyKafka();
    const client = links.createClient();
    client.end();
    const away = await errorOf(openAdmin(client));
    expect(away).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    await links.close();
  });

  it('tries again what brokers contradict each other about, and nothing else', async () => {
    let tries = 0;
    const agreed = await withAdminUntilSpread(system.client, 15_000, async () => {
      tries += 1;
      if (tries < 3) throw new AppError('KAFKA_UNAVAILABLE', 'too few', { retriable: true });
      return 'agreed';
    });
    expect([agreed, tries]).to.deep.equal(['agreed', 3]);
    const error = await errorOf(
      withAdminUntilSpread(system.client, 15_000, async () => {
        tries += 1;
        throw new AppError('TOPIC_MISMATCH', 'another layout', { retriable: false });
      }),
    );
    expect([error.code, tries]).to.deep.equal(['TOPIC_MISMATCH', 4]);
  });
});
