import { expect } from 'chai';
import {
  type ConsumedBatch,
  type ConsumerEvent,
  createConsumer,
  type GroupConsumer,
  MembershipLost,
} from '../../../../platform/kafka/consumer.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('A consumer of a group', function () {
  this.timeout(60_000);
  let system: TopicSystem;
  let events: ConsumerEvent[];
  let seen: string[];
  const started: GroupConsumer[] = [];

  beforeEach(async () => {
    system = await createTopicSystem(2);
    events = [];
    seen = [];
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((consumer) => consumer.close()));
    await system?.cleanup();
  });

  const takeAll = async (batch: ConsumedBatch): Promise<void> => {
    for (const { value, offset } of batch.records) {
      seen.push(String(value));
      batch.done(offset);
    }
  };
  const join = async (
    onBatch: (batch: ConsumedBatch) => Promise<void>,
    groupId = system.topic,
  ): Promise<GroupConsumer> => {
    const consumer = createConsumer(system.client, {
      groupId,
      topics: [system.topic],
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 500,
      fetchWaitMs: 200,
      partitionsAtOnce: 2,
      onBatch,
      onEvent: (event) => {
        if (event.kind !== 'active') events.push(event);
      },
    });
    started.push(consumer);
    await consumer.start();
    return consumer;
  };
  const kinds = (): string[] => events.map(({ kind }) => kind);
  const write = (...values: string[]) =>
    system.write(values.map((value) => ({ partition: 0, value })));

  it('tells that it joined, with its partitions, that it lives, and that it stopped', async () => {
    const consumer = await join(takeAll);
    const joined = await waitUntil('it joined', () =>
      events.find((event) => event.kind === 'joined'),
    );
    expect(joined.assignment.sort((a, b) => a.partition - b.partition)).to.deep.equal([
      { topic: system.topic, partition: 0 },
      { topic: system.topic, partition: 1 },
    ]);
    await waitUntil('a heartbeat', () => kinds().includes('heartbeat'));
    await consumer.close();
    expect(kinds()).to.include('stopped');
    expect(kinds()).not.to.include('crashed');
  });

  it('hands out what was there before it joined and what comes later, with the end of the log', async () => {
    await write('a', 'b');
    let behind = 0n;
    await join(async (batch) => {
      expect(batch.endOffset >= batch.to).to.equal(true);
      behind = batch.to;
      await takeAll(batch);
    });
    await waitUntil('both are there', () => seen.length === 2);
    await write('c');
    await waitUntil('the third is there', () => seen.length === 3);
    expect(seen).to.deep.equal(['a', 'b', 'c']);
    expect(behind).to.equal(3n);
  });

  it('goes where it is told to, and calls what is under way stale', async () => {
    await write('a', 'b', 'c');
    const current: boolean[] = [];
    const consumer = await join(async (batch) => {
      if (seen.length === 0) {
        consumer.seek(system.topic, 0, 1n);
        current.push(batch.isCurrent());
      }
      await takeAll(batch);
    });
    await waitUntil('it came back', () => seen.length >= 5);
    expect(seen).to.deep.equal(['a', 'b', 'c', 'b', 'c']);
    expect(current).to.deep.equal([false]);
  });

  it('leaves an offset with its group, and the next member goes on there', async () => {
    await write('a', 'b');
    const first = await join(async (batch) => {
      await takeAll(batch);
      await batch.commit(batch.to);
    });
    await waitUntil('both are there', () => seen.length === 2);
    await first.close();
    await write('c');
    await join(takeAll);
    await waitUntil('the third is there', () => seen.length > 2);
    expect(seen).to.deep.equal(['a', 'b', 'c']);
  });

  it('shares the partitions with another member, and tells that they were revoked', async () => {
    await join(takeAll);
    await waitUntil('it joined', () => kinds().includes('joined'));
    await join(takeAll);
    await waitUntil('each has one', () => {
      const last = events.findLast((event) => event.kind === 'joined');
      return last?.assignment.length === 1;
    });
    expect(kinds()).to.include('revoked');
  });

  it('joins again when a handler hands back that it lost its membership', async () => {
    await write('a');
    let failures = 0;
    await join(async (batch) => {
      if (failures > 0) return takeAll(batch);
      const holdOn = async (): Promise<false> => {
        await batch.heartbeat();
        return false;
      };
      await waitUntil('another member comes', holdOn).catch((error: unknown) => {
        expect(error).to.be.instanceOf(MembershipLost);
        failures += 1;
        throw error;
      });
    });
    await join(takeAll);
    await waitUntil('the record is taken after all', () => seen.length > 0);
    expect([failures, seen]).to.deep.equal([1, ['a']]);
    expect(kinds()).to.include('revoked');
    expect(kinds()).not.to.include('crashed');
  });

  it('ends for good with what a handler throws', async () => {
    await write('a');
    await join(async () => {
      throw new TypeError('no such field');
    });
    const crashed = await waitUntil('it ended', () =>
      events.find((event) => event.kind === 'crashed'),
    );
    expect(crashed).to.deep.equal({ kind: 'crashed', reason: 'no such field', restarts: false });
  });
});
