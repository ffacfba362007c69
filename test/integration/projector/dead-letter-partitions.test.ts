import { expect } from 'chai';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../../contracts/topics.ts';
import { readLogRanges } from '../../../platform/kafka/admin.ts';
import { createProducer, type RecordProducer } from '../../../platform/kafka/producer.ts';
import type { DeadLetter } from '../../../projector/consumed-record.ts';
import {
  createDeadLetterWriter,
  type WriteDeadLetters,
} from '../../../projector/dead-letters/write-dead-letters.ts';
import { errorOf } from '../../support/error-of.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { addPartitions } from '../../support/system/partitions.ts';
import { createEventSystem, type EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('A dead letter of a partition that was added', function () {
  this.timeout(180_000);
  let system: EventSystem;
  let producer: RecordProducer;
  let write: WriteDeadLetters;
  before(async () => {
    system = await createEventSystem('dead-letter-partitions-');
    producer = createProducer(system.kafka);
    const { topicPrefix } = system;
    write = createDeadLetterWriter({
      ...{ producer, topicPrefix },
      now: Date.now,
      logger: silentLogger(),
    });
  });
  after(async () => {
    await producer?.close();
    await system?.cleanup();
  });

  const letterOf = (partition: number): DeadLetter => ({
    record: {
      topic: ASSIGN_TOPIC,
      partition,
      offset: 7n,
      key: Buffer.from('key'),
      value: Buffer.from('poison'),
      headers: {},
    },
    poison: { code: 'RECORD_UNREADABLE', reason: 'a test', attempts: 1 },
    highestMarker: null,
  });
  const topic = () => system.topicPrefix + deadLetterTopicOf(ASSIGN_TOPIC);

  it('is not taken for written while its dead letter topic has no such partition', async () => {
    await write([letterOf(0)]);
    const error = await errorOf(write([letterOf(0), letterOf(3)]));
    expect(error).to.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    expect(error.message).to.contain('coupon-assign-dlt/3');
  });

  it('is written as soon as it has, by the same producer', async () => {
    await addPartitions(system.kafka, topic(), 4);
    // The producer goes by what it knows of the topic for a few seconds.
    const isWritten = () =>
      write([letterOf(3)]).then(
        () => true,
        () => false,
      );
    await waitUntil('it is written', isWritten, 60_000);
    const ends = await readLogRanges(system.kafka, topic());
    expect(ends.find(({ partition }) => partition === 3)).to.include({ to: 1n });
  });
});
