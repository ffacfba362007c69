// Kafka with the schema registry on top: one broker may die, ports may change, the data stays.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { type Stack, startStack } from '../../../stack/stack.ts';
import { readState, writeState } from '../../../stack/stack-state.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { processesNaming, scratchFolder } from './processes.ts';

const SUBJECT = 'a-topic-value';
const SCHEMA = JSON.stringify({ type: 'record', name: 'A', fields: [] });

describe('Kafka and the schema registry', function () {
  this.timeout(300_000);
  const { folder, remove } = scratchFolder();
  const topic = 'a-topic';
  let stack: Stack;
  let blocker: Server | undefined;

  const start = async (): Promise<void> => {
    stack = await startStack({ folder, parts: ['kafka', 'registry'], restart: false });
  };
  const client = (): Kafka =>
    new Kafka({
      brokers: stack.addresses.kafkaBrokers,
      logLevel: logLevel.NOTHING,
      // Longer than it takes to count a broker as dead and to choose other leaders.
      retry: { retries: 40, maxRetryTime: 1_000 },
    });
  const withProducer = async (use: (producer: Producer) => Promise<unknown>): Promise<void> => {
    const producer = client().producer();
    await producer.connect();
    await use(producer).finally(() => producer.disconnect());
  };
  const send = (value: string): Promise<void> =>
    withProducer((producer) => producer.send({ topic, acks: -1, messages: [{ value }] }));
  const endOffset = async (): Promise<number> => {
    const admin = client().admin();
    await admin.connect();
    const [end] = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
    return Number(end?.offset);
  };
  const registeredSchema = async (): Promise<unknown> => {
    const { registryUrl } = stack.addresses;
    const answer = await fetch(`${registryUrl}/subjects/${SUBJECT}/versions/latest`);
    const body = (await answer.json()) as { schema?: string };
    return JSON.parse(body.schema ?? 'null');
  };

  before(async () => {
    // An id that looks like an option: 1 in 64 of those that earlier versions drew and kept.
    writeState(folder, { ...readState(folder), clusterId: '-bc4EfGhIjKlMnOpQrStUv' });
    await start();
  });
  after(async () => {
    blocker?.close();
    await stack.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    remove();
  });

  it('serve', async () => {
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.disconnect();
    expect(metadata.topics[0]?.partitions[0]?.replicas).to.have.members([1, 2, 3]);
    await send('first');
    const answer = await fetch(`${stack.addresses.registryUrl}/subjects/${SUBJECT}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: SCHEMA }),
    });
    expect(answer.status).to.equal(200);
  });

  for (const name of ['kafka-1', 'kafka-2', 'kafka-3']) {
    it(`take and keep records while ${name} is dead, and after it came back`, async () => {
      const before = await endOffset();
      const broker = stack.process(name);
      broker.kill('SIGKILL');
      await broker.exited;
      await send('while one is dead');
      await broker.start();
      await send('after it came back');
      expect(await endOffset()).to.equal(before + 2);
    });
  }

  it('come again with their data, on other ports where theirs were taken', async () => {
    const { kafkaBrokers } = stack.addresses;
    const records = await endOffset();
    await stack.stop();
    blocker = createServer().listen(Number(kafkaBrokers[0]?.split(':')[1]), '127.0.0.1');
    await once(blocker, 'listening');
    await start();
    expect(stack.addresses.kafkaBrokers[0]).to.not.equal(kafkaBrokers[0]);
    expect(stack.addresses.kafkaBrokers.slice(1)).to.deep.equal(kafkaBrokers.slice(1));
    expect(await endOffset()).to.equal(records);
    await send('on another port');
    expect(await endOffset()).to.equal(records + 1);
    expect(await registeredSchema()).to.deep.equal(JSON.parse(SCHEMA));
  });
});
