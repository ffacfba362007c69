import { expect } from 'chai';
import type { ConsumerRunConfig, Kafka } from 'kafkajs';
import {
  type LogBatch,
  rangesOf,
  scanBatches,
  scanLog,
} from '../../../../platform/kafka/log-scan.ts';
import { randomName } from '../../../support/random-name.ts';
import { createTestKafka, deleteTopics } from '../../../support/system/topics.ts';
import { waitUntil } from '../../../support/wait-until.ts';

describe('scanning the log', () => {
  const kafka = createTestKafka();
  const topic = randomName('scan');
  const PER_PARTITION = [2_500, 0, 40];

  before(async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3 }] });
    await admin.disconnect();
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: PER_PARTITION.flatMap((count, partition) =>
        Array.from({ length: count }, (_, i) => ({ partition, value: `${partition}/${i}` })),
      ),
    });
    await producer.disconnect();
  });
  after(() => deleteTopics(kafka, topic, 1));

  it('knows what each partition holds', async () => {
    const ranges = await rangesOf(kafka, topic);
    const held = ranges.sort((a, b) => a.partition - b.partition).map(({ from, to }) => [from, to]);
    expect(held).to.deep.equal([
      [0n, 2_500n],
      [0n, 0n],
      [0n, 40n],
    ]);
  });

  it('gives every record once, in order within its partition', async () => {
    const seen: bigint[][] = [[], [], []];
    await scanLog(kafka, topic, await rangesOf(kafka, topic), ({ partition, offset, message }) => {
      expect(message.value?.toString()).to.equal(`${partition}/${offset}`);
      seen[partition]?.push(offset);
      return undefined;
    });
    expect(seen).to.deep.equal(
      PER_PARTITION.map((count) => Array.from({ length: count }, (_, i) => BigInt(i))),
    );
  });

  it('keeps to the range it was given', async () => {
    const seen: string[] = [];
    const ranges = [
      { partition: 0, from: 1_999n, to: 2_003n },
      { partition: 2, from: 39n, to: 40n },
    ];
    await scanLog(kafka, topic, ranges, ({ message }) => {
      seen.push(String(message.value));
      return undefined;
    });
    expect(seen.sort()).to.deep.equal(['0/1999', '0/2000', '0/2001', '0/2002', '2/39']);
  });

  it('ends at once when the visitor says stop, and when there is nothing', async () => {
    let visits = 0;
    await scanLog(kafka, topic, await rangesOf(kafka, topic), () => {
      visits += 1;
      return visits === 3 ? 'stop' : undefined;
    });
    expect(visits).to.equal(3);
    await scanLog(kafka, topic, [{ partition: 1, from: 0n, to: 0n }], () => {
      throw new Error('there is nothing to visit');
    });
  });

  it('passes on what the visitor throws, unchanged', async () => {
    const fault = new TypeError('no such field');
    const scan = scanLog(kafka, topic, await rangesOf(kafka, topic), async (): Promise<'stop'> => {
      throw fault;
    });
    const caught = await scan.catch((error: unknown) => error);
    expect(caught).to.equal(fault);
  });

  it('ends with the reason of a signal, also while the group is still being joined', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    const stoppedWhileJoining: Pick<Kafka, 'consumer' | 'admin'> = {
      admin: (config) => kafka.admin(config),
      consumer: (config) => {
        const consumer = kafka.consumer(config);
        const run = (options: ConsumerRunConfig | undefined): Promise<void> => {
          setImmediate(() => stop.abort(reason));
          return consumer.run(options);
        };
        return { ...consumer, run };
      },
    };
    const range = { topic, partition: 0, from: 0n, to: 10n };
    const visited: LogBatch[] = [];
    const visit = (batch: LogBatch): undefined => {
      visited.push(batch);
    };
    // What nobody handles in time ends a process that is not a test.
    const unhandled: unknown[] = [];
    const note = (fault: unknown): unknown => unhandled.push(fault);
    process.on('unhandledRejection', note);
    const scan = scanBatches(stoppedWhileJoining, [range], visit, stop.signal);
    const ended = await scan.catch((error: unknown) => error);
    process.off('unhandledRejection', note);
    expect(ended).to.equal(reason);
    expect(visited).to.deep.equal([]);
    expect(unhandled).to.deep.equal([]);
  });

  it('leaves no consumer group behind', async () => {
    const admin = kafka.admin();
    await admin.connect();
    const scanning = async (): Promise<string[]> =>
      (await admin.listGroups()).groups
        .map(({ groupId }) => groupId)
        .filter((groupId) => groupId.startsWith('firstcome-scan-'));
    // A process that was killed in a scan leaves its group behind.
    const earlier = new Set(await scanning());
    // Its own, and those of other tests that are scanning at this moment: all of them go.
    let during: string[] = [];
    await scanLog(kafka, topic, await rangesOf(kafka, topic), async (): Promise<'stop'> => {
      during = (await scanning()).filter((groupId) => !earlier.has(groupId));
      return 'stop';
    });
    expect(during).not.to.have.length(0);
    await waitUntil('none of these groups is left', async () => {
      const left = new Set(await scanning());
      return during.every((groupId) => !left.has(groupId));
    });
    await admin.disconnect();
  });
});
