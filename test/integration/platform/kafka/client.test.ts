import { expect } from 'chai';
import { type KafkaAdmin, openAdmin } from '../../../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../../../platform/kafka/client.ts';
import { createEndOffsetsReader } from '../../../../platform/kafka/end-offsets.ts';
import {
  createProducer,
  demandOffsets,
  type RecordProducer,
  type RecordToSend,
} from '../../../../platform/kafka/producer.ts';
import { errorOf } from '../../../support/error-of.ts';
import { createFaultyKafka, type FaultyKafka } from '../../../support/faults/faulty-kafka.ts';
import { createEventSystem, type EventSystem } from '../../../support/system/topics.ts';
import { waitUntil } from '../../../support/wait-until.ts';

describe('The Kafka client', () => {
  let system: EventSystem;
  let topic: string;
  let record: RecordToSend;
  let links: FaultyKafka;
  let client: KafkaClient;

  before(async function () {
    this.timeout(180_000);
    system = await createEventSystem('kafka-');
    topic = `${system.topicPrefix}coupon-epochs`;
    record = { topic, partition: 0, value: 'x' };
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
    let admin: KafkaAdmin;
    let producer: RecordProducer;
    beforeEach(async () => {
      admin = await openAdmin(client);
      producer = createProducer(system.kafka);
    });
    afterEach(() => producer.close());
    /** @returns the end offset after it */
    const write = async (): Promise<bigint> => {
      const outcome = await producer.send([record], { timeoutMs: 10_000 });
      return (demandOffsets(outcome, 'a test')[0] ?? -1n) + 1n;
    };

    it('sees every record that was acknowledged before it looked', async () => {
      const read = createEndOffsetsReader(admin, topic, 20_000);
      for (let round = 0; round < 20; round += 1) {
        const end = await write();
        const ends = await read();
        expect(ends.get(0)).to.equal(end);
      }
    });

    it('gives up in time when no broker answers, and sees the truth when one does again', async () => {
      const read = createEndOffsetsReader(admin, topic, 1_500);
      await read();
      links.stall();
      const startedMs = performance.now();
      const errors = await Promise.all([errorOf(read()), errorOf(read())]);
      expect(performance.now() - startedMs).to.be.below(20_000);
      for (const error of errors) {
        expect(error).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
      }
      links.mend();
      const end = await write();
      const seen = await waitUntil('an answer', () =>
        read().then(
          (ends) => ends.get(0),
          () => false,
        ),
      );
      expect(seen).to.equal(end);
    });
  });

  describe('that is ended', () => {
    it('lets go of its connections at once, also of stalled ones', async () => {
      const producer = createProducer(client, { retries: 1 });
      await producer.connect();
      links.stall();
      const sent = producer.send([record], { timeoutMs: 30_000 });
      client.end();
      expect(await sent).to.include({ kind: 'unknown' });
      links.mend();
      await waitUntil('all connections have ended', () => links.connections() === 0);
    });

    it('never connects again, whatever is asked of it', async () => {
      client.end();
      await errorOf(createProducer(client, { retries: 1 }).connect());
      expect(links.connections()).to.equal(0);
    });

    it('leaves other clients alone', async () => {
      const producer = createProducer(links.createClient());
      await producer.connect();
      client.end();
      const outcome = await producer.send([record], { timeoutMs: 10_000 });
      expect(outcome).to.include({ kind: 'acknowledged' });
      await producer.close();
    });
  });
});
