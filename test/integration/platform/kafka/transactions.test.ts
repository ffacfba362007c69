import { expect } from 'chai';
import { readLogRanges } from '../../../../platform/kafka/admin.ts';
import { createConsumer } from '../../../../platform/kafka/consumer.ts';
import { readBatches } from '../../../../platform/kafka/range-reader.ts';
import type { RecordBatch } from '../../../../platform/kafka/record.ts';
import { randomName } from '../../../support/random-name.ts';
import {
  endedTransaction,
  type OpenTransaction,
  openTransaction,
} from '../../../support/system/transactions.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

// Offsets 0 to 6: a, b, its commit, c, its abort, d, and e, whose transaction stays open.
describe('Transactions of others', () => {
  const VALUES = ['a', 'b', 'c', 'd', 'e'];
  const END = 7n;
  let system: TopicSystem;
  let open: OpenTransaction | undefined;

  before(async () => {
    system = await createTopicSystem(1);
    const record = (value: string) => ({ topic: system.topic, partition: 0, value });
    await system.write([{ partition: 0, value: 'a' }]);
    await endedTransaction(system.client, 'commit', [record('b')]);
    await endedTransaction(system.client, 'abort', [record('c')]);
    await waitUntil('both are ended', async () => (await end()) === 5n);
    await system.write([{ partition: 0, value: 'd' }]);
    open = await openTransaction(system.client, [record('e')]);
  });
  after(async () => {
    await open?.abort();
    await system?.cleanup();
  });

  const end = async () => (await readLogRanges(system.client, system.topic))[0]?.to;

  it('do not hide the end of the log', async () => {
    expect(await end()).to.equal(END);
  });

  it('keep no range from being read whole, each record once, every offset accounted for', async () => {
    const batches: RecordBatch[] = [];
    const range = { topic: system.topic, partition: 0, from: 0n, to: END };
    for await (const batch of readBatches(system.client, [range])) batches.push(batch);
    expectWhole(batches);
  });

  it('keep no consumer from the end, and each batch goes on where the last one ended', async () => {
    const batches: RecordBatch[] = [];
    const consumer = createConsumer(system.client, {
      groupId: randomName('transactions'),
      topics: [system.topic],
      ...{ sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1_000, fetchWaitMs: 100 },
      partitionsAtOnce: 1,
      onBatch: async (batch) => {
        batches.push(batch);
        batch.done(batch.to - 1n);
      },
      onEvent: () => undefined,
    });
    try {
      await consumer.start();
      await waitUntil('it is at the end', () => batches.at(-1)?.to === END);
    } finally {
      await consumer.close();
    }
    expectWhole(batches);
  });

  function expectWhole(batches: readonly RecordBatch[]): void {
    const records = batches.flatMap((batch) => batch.records);
    expect(records.map(({ value }) => String(value))).to.deep.equal(VALUES);
    expect(records.map(({ offset }) => offset)).to.deep.equal([0n, 1n, 3n, 5n, 6n]);
    let next = 0n;
    for (const { from, to, unreadable } of batches) {
      expect({ from, unreadable }).to.deep.equal({ from: next, unreadable: null });
      next = to;
    }
    expect(next).to.equal(END);
  }
});
