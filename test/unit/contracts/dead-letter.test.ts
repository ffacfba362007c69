import { expect } from 'chai';
import {
  type DeadLetterOrigin,
  type Headers,
  readOrigin,
  shorten,
  toDeadLetterHeaders,
} from '../../../contracts/dead-letter.ts';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';

const FAILED_AT = Date.UTC(2026, 10, 22, 10, 20, 30, 123);
const ORIGIN: DeadLetterOrigin = {
  topic: ASSIGN_TOPIC,
  partition: 2,
  offset: 41n,
  poison: { code: 'RECORD_UNREADABLE', reason: 'garbage', attempts: 1 },
  failedAtMs: FAILED_AT,
  highestMarker: 7,
  headers: { traceparent: Buffer.from('00-trace') },
};

describe('the headers of a dead letter', () => {
  it("are the original's, and where from and why", () => {
    const headers = { ...ORIGIN.headers, nothing: undefined };
    expect(toDeadLetterHeaders({ ...ORIGIN, headers })).to.deep.equal({
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

  for (const different of [
    { highestMarker: null },
    { offset: null },
    { offset: 10n ** 18n - 1n },
  ]) {
    it(`say the same when they are read again, ${Object.entries(different)} included`, () => {
      const origin = { ...ORIGIN, ...different };
      expect(readOrigin(inTopic(toDeadLetterHeaders(origin)))).to.deep.equal(origin);
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
      const good = toDeadLetterHeaders(ORIGIN);
      expect(readOrigin(inTopic(good))).not.to.equal(null);
      expect(readOrigin(inTopic({ ...good, ...headers }))).to.equal(null);
    });
  }

  it('are not there on a record that was put there by hand', () => {
    expect(readOrigin(inTopic({}))).to.equal(null);
  });

  it('hold a reason of 1,000 characters at most, none cut in half', () => {
    const poison = { ...ORIGIN.poison, reason: '🎟'.repeat(1_001) };
    const headers = toDeadLetterHeaders({ ...ORIGIN, poison });
    expect(headers['firstcome-dlt-reason']).to.equal('🎟'.repeat(1_000));
    expect(shorten('short')).to.equal('short');
  });
});

function inTopic(headers: Headers) {
  return { topic: `${ASSIGN_TOPIC}-dlt`, headers };
}
