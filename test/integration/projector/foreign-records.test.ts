import { expect } from 'chai';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../../contracts/topics.ts';
import { appendForeign, type ForeignRecord, recordsOf } from '../../support/system/records.ts';
import {
  endedTransaction,
  type OpenTransaction,
  openTransaction,
} from '../../support/system/transactions.ts';
import { aCoupon, anAssignment, someAssignments } from './support/event-log.ts';
import { createProjectorFixture, type ProjectorFixture } from './support/projector-fixture.ts';
import type { ProjectorProcess } from './support/projector-process.ts';
import { caughtUp, issuedOf, totals } from './support/read-model.ts';

const DLT = deadLetterTopicOf(ASSIGN_TOPIC);
const PARTITION = 1;

/** Records that nobody of ours would write. */
const ODDITIES: Omit<ForeignRecord, 'partition'>[] = [
  { value: 'no value in a header', headers: { none: null, some: 'text' } },
  { value: 'lists of headers', headers: { many: ['a', null, Buffer.from([255])] } },
  {
    value: 'headers named like what every object has',
    headers: Object.fromEntries([
      ['constructor', 'c'],
      ['__proto__', 'p'],
      ['toString', ['t', 'u']],
      ['', 'no name'],
    ]),
  },
  {
    value: 'headers that look like ours',
    headers: { 'firstcome-dlt-highest-marker': ['x', null] },
  },
  { key: null, value: null },
  { key: '', value: '' },
  { value: 'of 1970', timestamp: '0' },
  { value: 'of no time', timestamp: '-1' },
  { value: 'a large header', headers: { large: Buffer.alloc(1_000_000, 'x') } },
  { value: 'many headers', headers: { many: Array.from({ length: 50_000 }, () => 'h') } },
  { key: Buffer.alloc(900_000, 'k'), value: 'a large key' },
];

describe('what others write into the event topics', () => {
  let fixture: ProjectorFixture;
  let projector: ProjectorProcess;
  let open: OpenTransaction | undefined;
  const coupon = aCoupon();
  let deadLetters = 0;
  let issued = 0;

  before(async () => {
    fixture = await createProjectorFixture('foreign');
    await fixture.log.append(coupon);
    projector = await fixture.start();
  });
  after(async () => {
    await open?.abort();
    await fixture?.close();
  });

  const physical = () => fixture.system.topicPrefix + ASSIGN_TOPIC;
  const encoded = (sequence: number) =>
    fixture.system.codec.encode(
      ASSIGN_TOPIC,
      'CouponAssigned',
      anAssignment(coupon.couponId, sequence, { userId: `user-${sequence}` }),
    );

  async function expectAllConsumed(): Promise<void> {
    const behind = someAssignments(coupon.couponId, 1, 1_000 + issued);
    issued += 1;
    await fixture.log.appendTo({ topic: ASSIGN_TOPIC, partition: PARTITION }, behind);
    await caughtUp(fixture.system, fixture.database);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
    const { db } = fixture.database;
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: issued,
      rows: issued,
    });
    expect(await recordsOf(fixture.system.kafka, fixture.system.topicPrefix + DLT)).to.have.length(
      deadLetters,
    );
    expect(await db('dead_letters')).to.have.length(deadLetters);
    expect(await totals(fixture.database)).to.include({ dead_lettered: deadLetters });
    expect(projector.isRunning()).to.equal(true);
    expect(projector.lines.filter(({ level }) => level === 'fatal')).to.deep.equal([]);
  }

  it('is one dead letter each, whatever it looks like', async () => {
    for (const oddity of ODDITIES) {
      const record = { ...oddity, partition: PARTITION };
      await appendForeign(fixture.system.kafka, physical(), [record]);
    }
    deadLetters += ODDITIES.length;
    await expectAllConsumed();
    const rows = await fixture.database.db('dead_letters').orderBy('record_offset');
    const headersOf = (n: number) =>
      typeof rows[n].headers === 'string' ? JSON.parse(rows[n].headers) : rows[n].headers;
    expect(headersOf(0)).to.deep.equal({ none: null, some: 'text' });
    expect(headersOf(1)).to.deep.equal({ many: ['a', null, { base64: '/w==' }] });
    expect(Object.keys(headersOf(2)).sort()).to.deep.equal([
      '',
      '__proto__',
      'constructor',
      'toString',
    ]);
  });

  it('is read whatever it is compressed with, even when it holds more than a dead letter can', async () => {
    for (const codec of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
      issued += 1;
      const records = [
        { partition: PARTITION, value: encoded(issued) },
        { partition: PARTITION, value: 'not an event' },
        { partition: PARTITION, value: Buffer.alloc(3 * 1_048_576, 'x') },
      ];
      await appendForeign(fixture.system.kafka, physical(), records, codec);
      deadLetters += 2;
    }
    await expectAllConsumed();
    const large = await fixture.database.db('dead_letters').where('reason', 'like', 'too large%');
    expect(large).to.have.length(4);
  });

  it('counts whether its transaction was committed, aborted or is still open', async () => {
    const value = Buffer.from('of a transaction');
    const record = { topic: physical(), partition: PARTITION, value };
    const { kafka } = fixture.system;
    await endedTransaction(kafka, 'commit', [record]);
    await endedTransaction(kafka, 'abort', [record]);
    open = await openTransaction(kafka, [record]);
    deadLetters += 3;
    await expectAllConsumed();
  });
});
