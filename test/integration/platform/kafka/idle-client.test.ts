import { createHook } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'chai';
import { openAdmin } from '../../../../platform/kafka/admin.ts';
import { createProducer } from '../../../../platform/kafka/producer.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('A Kafka client that nobody asks anything', () => {
  let system: TopicSystem;
  before(async () => {
    system = await createTopicSystem(1);
  });
  after(() => system?.cleanup());

  it('sets no timers, on whatever connections it has open', async () => {
    const { client, topic } = system;
    const admin = await openAdmin(client);
    await admin.endOffsets(topic);
    const producer = createProducer(client);
    await producer.send([{ topic, partition: 0, value: 'x' }], { timeoutMs: 5_000 });
    const warnings: string[] = [];
    const note = ({ name }: Error): unknown => warnings.push(name);
    process.on('warning', note);
    let timers = 0;
    const hook = createHook({
      init: (_id, type) => {
        if (type === 'Timeout') timers += 1;
      },
    });
    hook.enable();
    await wait(1_000);
    hook.disable();
    process.off('warning', note);
    // The wait itself is one.
    expect(timers).to.equal(1);
    expect(warnings).not.to.include('TimeoutNegativeWarning');
    await producer.close();
    await admin.close();
  });
});
