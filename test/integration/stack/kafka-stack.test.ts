// Kafka with the schema registry on top: one broker may die, ports may change, the data stays.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { withAdmin, withAdminUntilSpread } from '../../../platform/kafka/admin.ts';
import { createKafkaClient, type KafkaClient } from '../../../platform/kafka/client.ts';
import { createProducer } from '../../../platform/kafka/producer.ts';
import { type Stack, startStack } from '../../../stack/stack.ts';
import { readState, writeState } from '../../../stack/stack-state.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { processesNaming, scratchFolder } from './processes.ts';

const SUBJECT = 'a-topic-value';
const SCHEMA = JSON.stringify({ type: 'record', name: 'A', fields: [] });

describe('Kafka and the schema registry', function () {
  this.timeout(600_000);
  const { folder, remove } = scratchFolder();
  const topic = 'a-topic';
  let stack: Stack;
  let blocker: Server | undefined;

  const start = async (): Promise<void> => {
    stack = await startStack({ folder, parts: ['kafka', 'registry'], restart: false });
  };
  const client = (): KafkaClient =>
    createKafkaClient(
      { brokers: stack.addresses.kafkaBrokers, clientId: 'firstcome-test' },
      silentLogger(),
    );
  // Through a new producer until it is acknowledged, as the command API does: for longer than it takes to
  // count a broker as dead and to choose other leaders. An attempt whose outcome was unknown may be in the
  // log beside the acknowledged one.
  const send = async (value: string): Promise<void> => {
    await waitUntil(
      `the brokers take "${value}"`,
      async () => {
        const producer = createProducer(client());
        const outcome = await producer.send([{ topic, partition: 0, value }], {
          timeoutMs: 20_000,
        });
        await producer.close();
        return outcome.kind === 'acknowledged';
      },
      180_000,
    );
  };
  const endOffset = (): Promise<number> =>
    waitUntil(
      'the brokers tell the end',
      () =>
        withAdmin(client(), (admin) => admin.endOffsets(topic)).then(
          (ends) => Number(ends.get(0)),
          () => undefined,
        ),
      180_000,
    );
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
    await withAdmin(client(), (admin) =>
      admin.createTopic({ topic, partitions: 1, replicationFactor: 3 }),
    );
  });
  after(async () => {
    blocker?.close();
    await stack.stop();
    await waitUntil('nothing is left', () => processesNaming(folder).length === 0);
    remove();
  });

  it('serve', async () => {
    const [shape] = await withAdminUntilSpread(client(), 15_000, (admin) =>
      admin.describeTopics([topic]),
    );
    expect(shape?.replicas.get(0)).to.equal(3);
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
      // It comes back whatever came of the send: the next one needs two others.
      await send('while one is dead').finally(() => broker.start());
      await send('after it came back');
      expect(await endOffset()).to.be.at.least(before + 2);
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
    expect(await endOffset()).to.be.at.least(records + 1);
    expect(await registeredSchema()).to.deep.equal(JSON.parse(SCHEMA));
  });
});
