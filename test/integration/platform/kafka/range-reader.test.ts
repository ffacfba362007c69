import { expect } from 'chai';
import { pino } from 'pino';
import { readLogRanges, withAdmin } from '../../../../platform/kafka/admin.ts';
import { createKafkaClient } from '../../../../platform/kafka/client.ts';
import { readBatches, readRecords } from '../../../../platform/kafka/range-reader.ts';
import { errorOf } from '../../../support/error-of.ts';
import { createFaultyKafka } from '../../../support/faults/faulty-kafka.ts';
import { addressOf } from '../../../support/system/addresses.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { createTopicSystem, type TopicSystem } from './topic-system.ts';

describe('Reading ranges of the log', () => {
  const PER_PARTITION = [2_500, 0, 40];
  let system: TopicSystem;
  let topic: string;

  before(async () => {
    system = await createTopicSystem(3);
    topic = system.topic;
    await system.write(
      PER_PARTITION.flatMap((count, partition) =>
        Array.from({ length: count }, (_, i) => ({ partition, value: `${partition}/${i}` })),
      ),
    );
  });
  after(() => system?.cleanup());

  const ranges = () => readLogRanges(system.client, topic);

  it('gives every record once, in order within its partition', async () => {
    const seen: bigint[][] = [[], [], []];
    for await (const record of readRecords(system.client, await ranges())) {
      expect(String(record.value)).to.equal(`${record.partition}/${record.offset}`);
      seen[record.partition]?.push(record.offset);
    }
    expect(seen).to.deep.equal(
      PER_PARTITION.map((count) => Array.from({ length: count }, (_, i) => BigInt(i))),
    );
  });

  it('keeps to its ranges, several of one partition included', async () => {
    const seen: string[] = [];
    const wanted = [
      { topic, partition: 0, from: 1_999n, to: 2_003n },
      { topic, partition: 2, from: 39n, to: 40n },
      { topic, partition: 0, from: 5n, to: 7n },
      { topic, partition: 0, from: 9n, to: 9n },
    ];
    for await (const { value } of readRecords(system.client, wanted)) seen.push(String(value));
    const expected = ['0/1999', '0/2000', '0/2001', '0/2002', '0/5', '0/6', '2/39'];
    expect(seen.sort()).to.deep.equal(expected);
  });

  it('logs nothing when nothing goes wrong', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
    const brokers = addressOf('KAFKA_BROKERS').split(',');
    const client = createKafkaClient({ brokers, clientId: 'firstcome-test' }, logger);
    for await (const _ of readRecords(client, await ranges()));
    for await (const _ of readRecords(client, await ranges())) break;
    expect(lines).to.deep.equal([]);
  });

  it('asks nobody when there is nothing to read', async () => {
    const links = await createFaultyKafka();
    const client = links.createClient();
    const nothing = [{ topic, partition: 1, from: 0n, to: 0n }];
    for await (const _ of readBatches(client, nothing)) throw new Error('there is nothing');
    expect(links.connections()).to.equal(0);
    await links.close();
  });

  it('lets go of its connections when its reader leaves early, or throws', async () => {
    const links = await createFaultyKafka();
    const client = links.createClient();
    for await (const { value } of readRecords(client, await ranges())) {
      expect(String(value)).to.match(/\/0$/);
      break;
    }
    const fault = new TypeError('no such field');
    const failing = async (): Promise<void> => {
      for await (const _ of readBatches(client, await ranges())) throw fault;
    };
    expect(await failing().catch((e: unknown) => e)).to.equal(fault);
    await waitUntil('all connections have ended', () => links.connections() === 0);
    client.end();
    await links.close();
  });

  it('ends with the reason of its signal, before it began, while it reads, while it waits', async () => {
    const reason = new Error('stopped');
    const read = async (signal: AbortSignal, to: bigint, onBatch = () => {}): Promise<unknown> => {
      const range = { topic, partition: 2, from: 0n, to };
      try {
        for await (const _ of readBatches(system.client, [range], signal)) onBatch();
      } catch (error) {
        return error;
      }
      return 'read';
    };
    expect(await read(AbortSignal.abort(reason), 40n)).to.equal(reason);
    const reading = new AbortController();
    expect(await read(reading.signal, 40n, () => reading.abort(reason))).to.equal(reason);
    const waiting = new AbortController();
    const stopSoon = (): unknown => setImmediate(() => waiting.abort(reason));
    expect(await read(waiting.signal, 41n, stopSoon)).to.equal(reason);
  });

  it('reads on after its connections were cut', async () => {
    const links = await createFaultyKafka();
    const client = links.createClient();
    let cut = false;
    let count = 0;
    const one = Array.from({ length: 20 }, (_, n) => ({
      ...{ topic, partition: 0 },
      ...{ from: BigInt(n), to: BigInt(n + 1) },
    }));
    for await (const _ of readRecords(client, one)) {
      count += 1;
      if (cut) continue;
      cut = true;
      links.cut();
      await waitUntil('they are cut', () => links.connections() === 0);
      links.mend();
    }
    expect(count).to.equal(20);
    client.end();
    await links.close();
  });

  it('passes over records that were deleted', async () => {
    await system.write([
      { partition: 1, value: 'a' },
      { partition: 1, value: 'b' },
    ]);
    await withAdmin(system.client, (admin) => admin.deleteRecordsBefore(topic, new Map([[1, 1n]])));
    const values: string[] = [];
    const range = { topic, partition: 1, from: 0n, to: 2n };
    for await (const { value } of readRecords(system.client, [range])) values.push(String(value));
    expect(values).to.deep.equal(['b']);
  });

  it('tells that a topic or a partition is not there', async () => {
    const read = async (name: string, partition: number): Promise<void> => {
      const range = { topic: name, partition, from: 0n, to: 1n };
      for await (const _ of readBatches(system.client, [range])) throw new Error('a record');
    };
    for (const attempt of [read(`${topic}-none`, 0), read(topic, 9)]) {
      const error = await errorOf(attempt);
      expect(error).to.deep.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    }
  });
});
