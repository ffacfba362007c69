import { expect } from 'chai';
import type { Admin, Producer } from 'kafkajs';
import type { EndableKafka } from '../../../../platform/kafka/client.ts';
import { createTopicEndsReader } from '../../../../platform/kafka/end-offsets.ts';
import { errorOf } from '../../../support/error-of.ts';
import { createFaultyKafka, type FaultyKafka } from '../../../support/faults/faulty-kafka.ts';
import { createEventSystem, type EventSystem } from '../../../support/system/topics.ts';
import { waitUntil } from '../../../support/wait-until.ts';

describe('The Kafka client', () => {
  let system: EventSystem;
  let topic: string;
  let links: FaultyKafka;
  let client: EndableKafka;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('kafka-');
    topic = `${system.topicPrefix}coupon-epochs`;
  });
  after(async function () {
    this.timeout(180_000);
    await system?.cleanup();
  });
  beforeEach(async () => {
    links = await createFaultyKafka();
    client = links.createClient();
  });
  afterEach(async () => {
    links.mend();
    client.end();
    await links.close();
  });

  describe('looking at the end of a topic', () => {
    let admin: Admin;
    let producer: Producer;
    beforeEach(async () => {
      admin = client.kafka.admin();
      await admin.connect();
      producer = system.kafka.producer();
      await producer.connect();
    });
    afterEach(() => producer.disconnect());
    const write = () => producer.send({ topic, acks: -1, messages: [{ value: 'x' }] });

    it('sees every record that was acknowledged before it looked', async () => {
      const read = createTopicEndsReader(admin, topic, 20_000);
      for (let round = 0; round < 20; round += 1) {
        const [written] = await write();
        const ends = await read();
        expect(ends.get(0)).to.equal(BigInt(written?.baseOffset ?? -1) + 1n);
      }
    });

    it('gives up in time when no broker answers, and sees the truth when one does again', async () => {
      const read = createTopicEndsReader(admin, topic, 1_500);
      await read();
      links.stall();
      const startedMs = performance.now();
      const errors = await Promise.all([errorOf(read()), errorOf(read())]);
      expect(performance.now() - startedMs).to.be.below(20_000);
      for (const error of errors) {
        expect(error).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
      }
      links.mend();
      const [written] = await write();
      const end = await waitUntil('an answer', () =>
        read().then(
          (ends) => ends.get(0),
          () => false,
        ),
      );
      expect(end).to.equal(BigInt(written?.baseOffset ?? -1) + 1n);
    });
  });

  describe('that is ended', () => {
    it('lets go of its connections at once, also of stalled ones', async () => {
      const producer = client.kafka.producer({ retry: { retries: 1 } });
      await producer.connect();
      links.stall();
      const sent = producer.send({ topic, messages: [{ value: 'x' }] }).catch((e: unknown) => e);
      client.end();
      expect(await sent).to.be.instanceOf(Error);
      links.mend();
      await waitUntil('all connections have ended', () => links.connections() === 0);
    });

    it('never connects again, whatever is asked of it', async () => {
      client.end();
      const producer = client.kafka.producer({ retry: { retries: 1 } });
      expect(await producer.connect().catch((e: unknown) => e)).to.be.instanceOf(Error);
      expect(links.connections()).to.equal(0);
    });

    it('leaves other clients alone', async () => {
      const other = links.createClient();
      const producer = other.kafka.producer();
      await producer.connect();
      client.end();
      const [written] = await producer.send({ topic, messages: [{ value: 'x' }] });
      expect(written?.errorCode).to.equal(0);
      await producer.disconnect();
    });
  });
});
