import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ASSIGN_TOPIC, deadLetterTopicOf, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import { setTopicConfig } from '../../support/system/records.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { aCoupon, anAssignment, type RawRecord, someAssignments } from './support/event-log.ts';
import { createProjectorFixture, type ProjectorFixture } from './support/projector-fixture.ts';
import type { ProjectorProcess } from './support/projector-process.ts';
import { caughtUp, issuedOf, recordsIn, totals } from './support/read-model.ts';

const DLT = deadLetterTopicOf(ASSIGN_TOPIC);
const PARTITION = 1;

type PoisonKind = {
  why: string;
  record: RawRecord;
  code: string;
  reason: RegExp;
  attempts: string;
};

describe('dead letters', () => {
  let fixture: ProjectorFixture;
  let projector: ProjectorProcess;
  const coupon = aCoupon();
  const good = someAssignments(coupon.couponId, 60);
  let poison: PoisonKind[];

  before(async function () {
    this.timeout(180_000);
    fixture = await createProjectorFixture('poison');
    const { log, system } = fixture;
    const encoded = (event: (typeof good)[number]) =>
      system.codec.encode(ASSIGN_TOPIC, 'CouponAssigned', event);
    const unknownSchema = Buffer.from([0, 0x7f, 0xff, 0xff, 0xf0, 1, 2, 3]);
    poison = [
      {
        why: 'bytes that are no frame',
        record: raw(Buffer.from('garbage')),
        code: 'RECORD_UNREADABLE',
        reason: /the first byte is 103/,
        attempts: '1',
      },
      {
        why: 'a frame around garbage',
        record: raw(Buffer.concat([encoded(good[0] as never).subarray(0, 5), Buffer.from([255])])),
        code: 'RECORD_UNREADABLE',
        reason: /not the CouponAssigned/,
        attempts: '1',
      },
      {
        why: 'a schema id that the registry does not know',
        record: raw(unknownSchema),
        code: 'SCHEMA_UNKNOWN',
        reason: /no schema 2147483632/,
        attempts: '5',
      },
      {
        why: 'no value',
        record: raw(null),
        code: 'RECORD_UNREADABLE',
        reason: /no value/,
        attempts: '1',
      },
      {
        why: 'a record that belongs into the other topic',
        record: raw(system.codec.encode(LIFECYCLE_TOPIC, 'CouponCreated', aCoupon())),
        code: 'RECORD_REJECTED',
        reason: /CouponCreated has no place in coupon-assign/,
        attempts: '1',
      },
      {
        why: 'a second assignment with the same nthOfUser',
        record: raw(encoded(anAssignment(coupon.couponId, 1_001, { userId: 'user-7' }))),
        code: 'ER_DUP_ENTRY',
        reason: /assignments_once_per_turn/,
        attempts: '2',
      },
      {
        why: 'a second assignment with the same sequence',
        record: raw(encoded(anAssignment(coupon.couponId, 8, { userId: 'greedy' }))),
        code: 'ER_DUP_ENTRY',
        reason: /assignments_once_per_sequence/,
        attempts: '2',
      },
      {
        why: 'a user id that is too long',
        record: raw(encoded(anAssignment(coupon.couponId, 1_002, { userId: 'x'.repeat(65) }))),
        code: 'ER_DATA_TOO_LONG',
        reason: /user_id/,
        attempts: '1',
      },
    ];
    const records = good.map(
      (event): RawRecord => ({ ...raw(encoded(event)), key: event.eventId }),
    );
    for (const [index, { record }] of poison.entries()) records.splice(12 + index * 7, 0, record);
    await log.append(coupon);
    await log.appendRaw(records);
    projector = await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
  });
  after(async function () {
    this.timeout(180_000);
    await fixture?.close();
  });

  it('applies everything else of the batch', async () => {
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: good.length,
      rows: good.length,
    });
    const sum = await totals(fixture.database);
    expect(sum).to.include({ applied: good.length + 1, dead_lettered: poison.length, repeated: 0 });
  });

  it('keeps bytes, key, headers and partition, and says why and where from', async () => {
    const deadLetters = await recordsIn(fixture.system, DLT);
    expect(deadLetters).to.have.length(poison.length);
    for (const { why, record, code, reason, attempts } of poison) {
      const deadLetter = deadLetters.find(({ key }) => key === record.key);
      expect(deadLetter, why).to.include({ partition: PARTITION });
      expect(deadLetter?.value, why).to.deep.equal(record.value);
      const { headers = {} } = deadLetter ?? {};
      expect(headers, why).to.include({
        ...record.headers,
        'firstcome-dlt-reason-code': code,
        'firstcome-dlt-topic': ASSIGN_TOPIC,
        'firstcome-dlt-partition': String(PARTITION),
        'firstcome-dlt-attempts': attempts,
        'firstcome-dlt-highest-marker': '0',
      });
      expect(headers['firstcome-dlt-reason'], why).to.match(reason);
      expect(Date.parse(headers['firstcome-dlt-failed-at'] ?? ''), why).to.be.closeTo(
        Date.now(),
        600_000,
      );
    }
    const offsets = deadLetters.map(({ headers }) => Number(headers['firstcome-dlt-offset']));
    expect(offsets.sort((a, b) => a - b)).to.deep.equal(poison.map((_, index) => 13 + index * 7));
  });

  it('parks each in dead_letters once, tried once more', async () => {
    const rows = await fixture.database.db('dead_letters');
    expect(rows).to.have.length(poison.length);
    for (const { why, record, code, reason, attempts } of poison) {
      const row = rows.find(({ record_key }) => String(record_key) === record.key);
      expect(row, why).to.include({
        topic: ASSIGN_TOPIC,
        partition_id: PARTITION,
        reason_code: code,
        attempts: 2 * Number(attempts),
      });
      expect(row.reason, why).to.match(reason);
      expect(row.record_value, why).to.deep.equal(record.value);
      expect(row.headers, why).to.deep.equal(record.headers);
    }
    expect(await totals(fixture.database, [DLT])).to.include({
      dead_lettered: poison.length,
      applied: 0,
    });
  });

  it('logs each in one ERROR line when it is written, and when it is parked', async () => {
    const errors = await waitUntil('every line has come', () => {
      const found = projector.lines.filter(({ level }) => level === 'error');
      return found.length >= 2 * poison.length && found;
    });
    expect(errors.filter(({ msg }) => msg === 'dead letter')).to.have.length(poison.length);
    expect(errors.filter(({ msg }) => msg === 'dead letter parked')).to.have.length(poison.length);
    expect(JSON.stringify(errors)).not.to.contain('INSERT INTO');
  });

  it('parks a dead letter that was written twice once', async () => {
    const [deadLetter] = await recordsIn(fixture.system, DLT);
    await fixture.log.appendRaw([
      { topic: DLT, ...(deadLetter as NonNullable<typeof deadLetter>) },
    ]);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
    expect(await fixture.database.db('dead_letters')).to.have.length(poison.length);
    expect(await totals(fixture.database, [DLT])).to.include({ repeated: 1 });
  });

  it('applies a dead letter that can be applied by now, under the marker of its old place', async () => {
    const assignment = anAssignment(coupon.couponId, 2_001, { userId: 'patient', epoch: 0 });
    const value = fixture.system.codec.encode(ASSIGN_TOPIC, 'CouponAssigned', assignment);
    const headers = {
      'firstcome-dlt-reason-code': 'SCHEMA_UNKNOWN',
      'firstcome-dlt-reason': 'the registry had lost it',
      'firstcome-dlt-topic': ASSIGN_TOPIC,
      'firstcome-dlt-partition': '0',
      'firstcome-dlt-offset': '123456',
      'firstcome-dlt-attempts': '5',
      'firstcome-dlt-failed-at': '2026-11-22T10:00:00.000Z',
    };
    const marked = { ...headers, 'firstcome-dlt-highest-marker': '0' };
    await fixture.log.appendRaw([{ topic: DLT, partition: 0, value, headers: marked }]);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
    const row = await fixture.database.db('assignments').where({ id: assignment.eventId }).first();
    expect(row).to.include({ user_id: 'patient' });
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: good.length + 1,
      rows: good.length + 1,
    });

    const unmarked = anAssignment(coupon.couponId, 2_002, { userId: 'fenced', epoch: 0 });
    const bytes = fixture.system.codec.encode(ASSIGN_TOPIC, 'CouponAssigned', unmarked);
    await fixture.log.appendRaw([{ topic: DLT, partition: 0, value: bytes, headers }]);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
    expect(await totals(fixture.database, [DLT])).to.include({ applied: 1, fenced: 1 });
  });

  it('parks what stands in a dead letter topic and is no dead letter', async () => {
    const value = Buffer.from('not a dead letter');
    const key = 'k'.repeat(600);
    await fixture.log.appendRaw([{ topic: DLT, partition: 2, key, value }]);
    await caughtUp(fixture.system, fixture.database, { topics: [DLT] });
    const row = await fixture.database.db('dead_letters').where({ topic: DLT }).first();
    expect(row).to.include({ partition_id: 2, record_offset: 0, reason_code: 'RECORD_UNREADABLE' });
    expect(String(row.record_key)).to.equal('k'.repeat(512));
  });

  it('parks nothing again after a restart', async function () {
    this.timeout(180_000);
    const before = await fixture.database.db('dead_letters').orderBy('id');
    expect(await projector.end('SIGTERM')).to.equal(0);
    projector = await fixture.start({ CONSUMER_GROUP: `${fixture.system.topicPrefix}another` });
    await fixture.log.append(aCoupon());
    await caughtUp(fixture.system, fixture.database);
    expect(await fixture.database.db('dead_letters').orderBy('id')).to.deep.equal(before);
  });

  it('commits nothing past a dead letter that can not be written, and is not ready', async function () {
    this.timeout(180_000);
    await setLargestRecord('64');
    const stuck = aCoupon();
    const later = someAssignments(stuck.couponId, 5);
    const value = Buffer.from('poison');
    await fixture.log.appendRaw([{ topic: ASSIGN_TOPIC, partition: 0, value }]);
    await fixture.log.appendTo({ topic: ASSIGN_TOPIC, partition: 0 }, later);
    await waitUntil('it is not ready', async () => {
      const answer = await fetch(`${projector.url}/health/ready`);
      return answer.status === 503 && /coupon-assign\/0 has been waiting/.test(await answer.text());
    });
    expect(await issuedOf(fixture.database, stuck.couponId)).to.deep.equal({ counter: 0, rows: 0 });
    await setLargestRecord(String(2 * 1_048_576));
    await caughtUp(fixture.system, fixture.database);
    expect(await issuedOf(fixture.database, stuck.couponId)).to.deep.equal({ counter: 5, rows: 5 });
    expect(projector.isRunning()).to.equal(true);
  });

  function setLargestRecord(bytes: string): Promise<void> {
    const { kafka, topicPrefix } = fixture.system;
    return setTopicConfig(kafka, topicPrefix + DLT, {
      'max.message.bytes': bytes,
    });
  }
});

function raw(value: Buffer | null): RawRecord {
  return {
    topic: ASSIGN_TOPIC,
    partition: PARTITION,
    key: randomUUID(),
    value,
    headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
  };
}
