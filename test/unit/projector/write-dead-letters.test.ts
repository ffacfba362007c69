import { expect } from 'chai';
import { readOrigin } from '../../../contracts/dead-letter.ts';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import type { RecordToSend, SendOutcome } from '../../../platform/kafka/producer.ts';
import type { DeadLetter } from '../../../projector/consumed-record.ts';
import { createDeadLetterWriter } from '../../../projector/dead-letters/write-dead-letters.ts';
import { errorOf } from '../../support/error-of.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const LIMIT = 1_000;

describe('writing dead letters', () => {
  it('sends them together when the topic takes them', async () => {
    const topic = createTopic();
    await topic.write(deadLetters(10, 20, 30));
    expect(topic.sends()).to.deep.equal([[0, 1, 2]]);
  });

  it('sends fewer at once when they are too large together', async () => {
    const topic = createTopic();
    await topic.write(deadLetters(400, 400, 400));
    expect(topic.written()).to.deep.equal([
      [0, 400],
      [1, 400],
      [2, 400],
    ]);
  });

  it('keeps the place and the reason of one that is too large alone', async () => {
    const topic = createTopic();
    await topic.write(deadLetters(10, 1_001, 20));
    expect(topic.written()).to.deep.equal([
      [0, 10],
      [1, null],
      [2, 20],
    ]);
    const origin = readOrigin(topic.records()[1] as never);
    expect(origin).to.deep.include({ offset: 1n, headers: {}, isWithoutBytes: true });
    expect(origin?.poison).to.deep.equal({ code: 'RECORD_UNREADABLE', reason: 'bad', attempts: 1 });
  });

  it('does not even send one of many megabytes', async () => {
    const topic = createTopic();
    await topic.write(deadLetters(9 * 1_048_576));
    expect(topic.written()).to.deep.equal([[0, null]]);
    expect(topic.sends()).to.have.length(1);
  });

  it('fails, to be tried again, when the topic takes nothing, or does not say', async () => {
    for (const outcome of ['refused', 'unknown'] as const) {
      const error = await errorOf(createTopic(outcome).write(deadLetters(10)));
      expect(error).to.include({ code: 'KAFKA_UNAVAILABLE', retriable: true });
    }
  });
});

/** A topic that refuses sends of more than `LIMIT` bytes, or answers all with one outcome. */
function createTopic(always?: 'refused' | 'unknown') {
  const sends: RecordToSend[][] = [];
  const written: RecordToSend[] = [];
  const send = async (records: readonly RecordToSend[]): Promise<SendOutcome> => {
    sends.push([...records]);
    if (always !== undefined) return { kind: always, reason: 'no' };
    const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    if (bytes > LIMIT) return { kind: 'refused', reason: 'too large' };
    written.push(...records);
    return { kind: 'acknowledged', offsets: records.map(() => 0n) };
  };
  const parts = { producer: { send }, topicPrefix: '', now: () => 0, logger: silentLogger() };
  const offsetOf = ({ headers }: RecordToSend) => Number(headers?.['firstcome-dlt-offset']);
  return {
    write: createDeadLetterWriter(parts),
    sends: () => sends.map((records) => records.map(offsetOf)),
    written: () => written.map((record) => [offsetOf(record), record.value?.length ?? null]),
    records: () => written,
  };
}

function deadLetters(...sizes: number[]): DeadLetter[] {
  return sizes.map((size, offset) => ({
    record: {
      ...{ topic: ASSIGN_TOPIC, partition: 0, offset: BigInt(offset), key: null },
      ...{ value: Buffer.alloc(size), headers: { own: 'header' } },
    },
    poison: { code: 'RECORD_UNREADABLE', reason: 'bad', attempts: 1 },
    highestMarker: null,
  }));
}
