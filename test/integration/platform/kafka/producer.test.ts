import { expect } from 'chai';
import { readLogRanges } from '../../../../platform/kafka/admin.ts';
import type { KafkaClient } from '../../../../platform/kafka/client.ts';
import { createProducer, type RecordProducer } from '../../../../platform/kafka/producer.ts';
import { readRecords } from '../../../../platform/kafka/range-reader.ts';
import { errorOf } from '../../../support/error-of.ts';
import { createFaultyKafka, type FaultyKafka } from '../../../support/faults/faulty-kafka.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('Sending records to Kafka', () => {
  const LIMITS = { timeoutMs: 8_000 };
  let system: TopicSystem;
  let topic: string;

  before(async () => {
    system = await createTopicSystem(3);
    topic = system.topic;
  });
  after(() => system?.cleanup());

  const contents = async (client: KafkaClient): Promise<string[]> => {
    const values: string[] = [];
    const ranges = await readLogRanges(client, topic);
    for await (const { value } of readRecords(client, ranges)) values.push(String(value));
    return values.sort();
  };

  describe('with brokers that answer', () => {
    let producer: RecordProducer;
    beforeEach(async () => {
      producer = createProducer(system.client, { idempotent: true });
      await producer.connect();
    });
    afterEach(() => producer.close());

    it('gives the offset of each record, in the order in which they were given', async () => {
      const send = (partitions: number[]) =>
        producer.send(
          partitions.map((partition) => ({ topic, partition, value: 'x' })),
          LIMITS,
        );
      const first = await send([2, 0, 2, 1, 2]);
      if (first.kind !== 'acknowledged') throw new Error(first.reason);
      const [two = 0n, zero = 0n, , one = 0n] = first.offsets;
      expect(first.offsets).to.deep.equal([two, zero, two + 1n, one, two + 2n]);
      expect(await send([2, 1])).to.deep.equal({
        kind: 'acknowledged',
        offsets: [two + 3n, one + 1n],
      });
    });

    it('tells of a record that the log can never accept', async () => {
      const value = Buffer.alloc(1_500_000, 1);
      const outcome = await producer.send([{ topic, partition: 0, value }], LIMITS);
      expect(outcome.kind).to.equal('refused');
      expect(outcome)
        .to.have.property('reason')
        .that.matches(/too large|larger/i);
    });

    it('does not call a record acknowledged whose partition is not there', async () => {
      const outcome = await producer.send([{ topic, partition: 9, value: 'nowhere' }], LIMITS);
      expect(outcome.kind).to.equal('unknown');
      expect(outcome).to.have.property('reason').that.contains(`${topic}/9`);
      expect(await contents(system.client)).not.to.include('nowhere');
    });

    it('sends nothing once its signal has aborted', async () => {
      const signal = AbortSignal.abort(new Error('closing'));
      const records = [{ topic, partition: 0, value: 'never' }];
      const outcome = await producer.send(records, { ...LIMITS, signal });
      expect(outcome).to.deep.equal({ kind: 'unknown', reason: 'closing' });
      expect(await contents(system.client)).not.to.include('never');
    });
  });

  describe('with brokers that do not answer', () => {
    let links: FaultyKafka;
    beforeEach(async () => {
      links = await createFaultyKafka();
    });
    afterEach(async () => {
      links.mend();
      await links.close();
    });

    it('knows no outcome after its time, and the record may be there', async () => {
      const client = links.createClient();
      const producer = createProducer(client, { idempotent: true });
      await producer.send([{ topic, partition: 0, value: 'before' }], LIMITS);
      links.stallAnswers();
      const records = [{ topic, partition: 0, value: 'unheard' }];
      const outcome = await producer.send(records, { timeoutMs: 500 });
      expect(outcome).to.deep.equal({ kind: 'unknown', reason: 'no acknowledgement in 500 ms' });
      await waitUntil('it is in the log', async () =>
        (await contents(system.client)).includes('unheard'),
      );
      client.end();
    });

    it('knows no outcome as soon as its signal aborts', async () => {
      const client = links.createClient();
      const producer = createProducer(client, { idempotent: true });
      await producer.connect();
      links.stall();
      const closing = new AbortController();
      const records = [{ topic, partition: 0, value: 'x' }];
      const sent = producer.send(records, { ...LIMITS, signal: closing.signal });
      closing.abort(new Error('the writer is closed'));
      expect(await sent).to.deep.equal({ kind: 'unknown', reason: 'the writer is closed' });
      client.end();
    });

    it('says at its start that there are none', async () => {
      const client = links.createClient();
      client.end();
      const error = await errorOf(createProducer(client, { retries: 0 }).connect());
      expect(error).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
      expect(links.connections()).to.equal(0);
    });
  });
});
