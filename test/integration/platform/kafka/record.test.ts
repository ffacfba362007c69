import { expect } from 'chai';
import { readRecords } from '../../../../platform/kafka/range-reader.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('A record', () => {
  let system: TopicSystem;
  before(async () => {
    system = await createTopicSystem(1);
  });
  after(() => system?.cleanup());

  it('comes back as it was sent: bytes, key, headers, and with its place and time', async () => {
    const { topic } = system;
    const value = Buffer.from([0, 255, 7]);
    const headers = { traceparent: '00-ab', many: ['a', Buffer.from([1, 255])] };
    const before = Date.now();
    const offsets = await system.write([
      { partition: 0, key: 'key', value, headers },
      { partition: 0, value: null },
      { partition: 0, key: Buffer.from([200]), value: '' },
    ]);
    expect(offsets).to.deep.equal([0n, 1n, 2n]);
    const records = [];
    const range = { topic, partition: 0, from: 0n, to: 3n };
    for await (const record of readRecords(system.client, [range])) records.push(record);
    for (const { timestamp } of records) expect(timestamp).to.be.within(before, Date.now());
    expect(records.map(({ timestamp: _timestamp, ...record }) => record)).to.deep.equal([
      {
        ...{ topic, partition: 0, offset: 0n },
        ...{ key: Buffer.from('key'), value },
        headers: {
          traceparent: Buffer.from('00-ab'),
          many: [Buffer.from('a'), Buffer.from([1, 255])],
        },
      },
      { topic, partition: 0, offset: 1n, key: null, value: null, headers: {} },
      {
        topic,
        partition: 0,
        offset: 2n,
        key: Buffer.from([200]),
        value: Buffer.alloc(0),
        headers: {},
      },
    ]);
  });
});
