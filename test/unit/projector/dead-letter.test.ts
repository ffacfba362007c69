import { expect } from 'chai';
import { ASSIGN_TOPIC } from '../../../domain/topics.ts';
import { readOrigin, shorten, toDeadLetterHeaders } from '../../../projector/dead-letter.ts';
import type { DeadLetter, LogRecord } from '../../../projector/log-record.ts';
import { readableHeaders } from '../../../projector/retry-dead-letter.ts';

const FAILED_AT = Date.UTC(2026, 10, 22, 10, 20, 30, 123);
const LETTER: DeadLetter = {
  record: {
    ...{ topic: ASSIGN_TOPIC, partition: 2, offset: 41n },
    key: Buffer.from('key'),
    value: Buffer.from([0, 255]),
    headers: { traceparent: Buffer.from('00-trace'), nothing: undefined },
  },
  poison: { code: 'RECORD_UNREADABLE', reason: 'garbage', attempts: 1 },
  highestMarker: 7,
};

describe('the headers of a dead letter', () => {
  it("are the original's, and where from and why", () => {
    expect(toDeadLetterHeaders(LETTER, FAILED_AT)).to.deep.equal({
      traceparent: Buffer.from('00-trace'),
      'firstcome-dlt-reason-code': 'RECORD_UNREADABLE',
      'firstcome-dlt-reason': 'garbage',
      'firstcome-dlt-topic': 'coupon-assign',
      'firstcome-dlt-partition': '2',
      'firstcome-dlt-offset': '41',
      'firstcome-dlt-attempts': '1',
      'firstcome-dlt-failed-at': '2026-11-22T10:20:30.123Z',
      'firstcome-dlt-highest-marker': '7',
    });
  });

  for (const highestMarker of [null, 7]) {
    it(`say the same when they are read again, marker ${highestMarker} included`, () => {
      const origin = readOrigin(
        inTopic(toDeadLetterHeaders({ ...LETTER, highestMarker }, FAILED_AT)),
      );
      expect(origin).to.deep.equal({
        place: { topic: ASSIGN_TOPIC, partition: 2, offset: 41n },
        poison: LETTER.poison,
        failedAtMs: FAILED_AT,
        highestMarker,
        headers: { traceparent: Buffer.from('00-trace') },
      });
    });
  }

  const broken: Record<string, Record<string, string>> = {
    'of another topic': { 'firstcome-dlt-topic': 'coupon-lifecycle' },
    'of no topic of ours': { 'firstcome-dlt-topic': 'coupon-epochs' },
    'with a partition that is none': { 'firstcome-dlt-partition': '-1' },
    'with an offset that is none': { 'firstcome-dlt-offset': '4e1' },
    'with an offset past all bounds': { 'firstcome-dlt-offset': '9'.repeat(19) },
    'with attempts past all bounds': { 'firstcome-dlt-attempts': '9'.repeat(10) },
    'with a marker that is none': { 'firstcome-dlt-highest-marker': 'x' },
    'with a time that is none': { 'firstcome-dlt-failed-at': 'yesterday' },
    'with a time that no table can hold': {
      'firstcome-dlt-failed-at': '+020000-01-01T00:00:00.000Z',
    },
  };
  for (const [what, headers] of Object.entries(broken)) {
    it(`are not taken for one ${what}`, () => {
      const good = toDeadLetterHeaders(LETTER, FAILED_AT);
      expect(readOrigin(inTopic(good))).not.to.equal(null);
      expect(readOrigin(inTopic({ ...good, ...headers }))).to.equal(null);
    });
  }

  it('are not there on a record that was put there by hand', () => {
    expect(readOrigin(inTopic({}))).to.equal(null);
  });

  it('hold a reason of 1,000 characters at most, none cut in half', () => {
    const poison = { ...LETTER.poison, reason: '🎟'.repeat(1_001) };
    const headers = toDeadLetterHeaders({ ...LETTER, poison }, FAILED_AT);
    expect(headers['firstcome-dlt-reason']).to.equal('🎟'.repeat(1_000));
    expect(shorten('short')).to.equal('short');
  });
});

describe('readableHeaders', () => {
  it('shows text as text, other bytes as base64, and several values as a list', () => {
    const headers = {
      text: Buffer.from('한글'),
      bytes: Buffer.from([255, 0]),
      list: [Buffer.from('a'), 'b', Buffer.from([254])],
      none: undefined,
    };
    expect(readableHeaders(headers)).to.deep.equal({
      text: '한글',
      bytes: { base64: '/wA=' },
      list: ['a', 'b', { base64: '/g==' }],
    });
  });
});

function inTopic(headers: LogRecord['headers']): LogRecord {
  const place = { topic: `${ASSIGN_TOPIC}-dlt`, partition: 2, offset: 0n };
  return { ...place, key: null, value: null, headers };
}
