import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { toDeadLetterHeaders } from '../../../contracts/dead-letter.ts';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../../contracts/topics.ts';
import { type CliRun, runCli } from '../../support/system/run-cli.ts';
import { waitUntil } from '../../support/wait-until.ts';
import {
  aCoupon,
  anAssignment,
  type RawRecord,
  someAssignments,
} from '../projector/support/event-log.ts';
import {
  createProjectorFixture,
  type ProjectorFixture,
} from '../projector/support/projector-fixture.ts';
import { caughtUp, issuedOf, recordsIn, totals } from '../projector/support/read-model.ts';

const DLT = deadLetterTopicOf(ASSIGN_TOPIC);
const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const LONG = 'x'.repeat(65);

describe('firstcome dead-letters', () => {
  let fixture: ProjectorFixture;
  const coupon = aCoupon();
  const tooLong = [1, 2, 3].map((n) =>
    anAssignment(coupon.couponId, 100 + n, { userId: `${LONG}${n}` }),
  );
  const refused = anAssignment(coupon.couponId, 200, { userId: 'refused' });

  before(async function () {
    this.timeout(180_000);
    fixture = await createProjectorFixture('letters');
    const { log, system } = fixture;
    const encoded = (event: (typeof tooLong)[number]) =>
      system.codec.encode(ASSIGN_TOPIC, 'CouponAssigned', event);
    await log.append(coupon, someAssignments(coupon.couponId, 5));
    await log.appendRaw([
      ...tooLong.map((event) => raw(encoded(event), event.eventId)),
      ...['one', 'two', 'three'].map((text) => raw(Buffer.from(text), text)),
    ]);
    await log.appendRaw([
      {
        ...raw(encoded(refused), refused.eventId),
        topic: DLT,
        headers: headersOfRefused(),
      },
    ]);
    await fixture.start();
    await caughtUp(system, fixture.database);
    await caughtUp(system, fixture.database, { topics: [DLT] });
    await waitUntil('seven are parked', async () => (await rows()).length === 7);
  });
  after(async function () {
    this.timeout(180_000);
    await fixture?.close();
  });

  const rows = () => fixture.database.db('dead_letters').orderBy('id');
  const rowOf = async (key: string) =>
    (await rows()).find(({ record_key }) => String(record_key) === key);
  const idOf = async (key: string) => String((await rowOf(key)).id);
  const statusOf = async (key: string) => (await rowOf(key)).status;
  const run = (...args: string[]): Promise<CliRun> =>
    runCli('dead-letters', args, {
      MYSQL_URL: fixture.database.url,
      TOPIC_PREFIX: fixture.system.topicPrefix,
    });
  const expectSaid = (ran: CliRun, code: number, text: string | RegExp): void => {
    expect(ran.stdout + ran.stderr).to.match(typeof text === 'string' ? new RegExp(text) : text);
    expect(ran.code, ran.stdout + ran.stderr).to.equal(code);
  };
  const deadLettersCaughtUp = () => caughtUp(fixture.system, fixture.database, { topics: [DLT] });

  it('parks what the log refused, with its reason, and never applies it', async () => {
    expect(await rowOf(refused.eventId)).to.include({
      topic: DLT,
      reason_code: 'EVENT_REFUSED',
      reason: 'the record is too large',
      status: 'parked',
    });
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 5,
      rows: 5,
    });
  });

  it('lists by reason, topic and coupon, and no more than the limit', async () => {
    const all = await run('list');
    expectSaid(all, 0, '7 shown; in all: 7 parked');
    expect(all.stdout).to.match(/coupon-assign\/1\/\d+ +2\S+Z +parked +0 +ER_DATA_TOO_LONG +Data/);
    expectSaid(await run('list', '--reason', 'RECORD_UNREADABLE'), 0, '3 shown');
    expectSaid(await run('list', '--topic', DLT), 0, '1 shown');
    expectSaid(await run('list', '--coupon', coupon.couponId.toUpperCase()), 0, '4 shown');
    expectSaid(await run('list', '--coupon', coupon.couponId, '--limit', '2'), 0, '2 shown');
    expectSaid(await run('list', '--coupon', randomUUID()), 0, '0 shown');
    expectSaid(await run('list', '--status', 'applied'), 0, '0 shown; in all: 7 parked');
  });

  it('shows the event and its headers, or the bytes as hex', async () => {
    const [event] = tooLong;
    const readable = await run('show', await idOf(event?.eventId ?? ''));
    expectSaid(readable, 0, `"userId": "${LONG}1"`);
    expect(readable.stdout).to.contain(`traceparent: ${TRACE}`);
    expect(readable.stdout).to.match(/^schema +\d+ \(.*coupon-assign-firstcome.CouponAssigned/m);
    expectSaid(
      await run('show', await idOf('one')),
      0,
      `hex +${Buffer.from('one').toString('hex')}`,
    );
    expectSaid(await run('show', '999999'), 1, 'there is no dead letter 999999');
  });

  it('changes nothing in a dry run', async () => {
    const before = await rows();
    const letters = await recordsIn(fixture.system, DLT);
    expectSaid(
      await run('redrive', '--all', '--dry-run'),
      0,
      '7 matched, 0 redriven, 0 failed \\(dry run\\)',
    );
    expectSaid(
      await run('discard', '--all', '--because', 'why not', '--dry-run'),
      0,
      '7 matched, 0 discarded \\(dry run\\)',
    );
    expect(await rows()).to.deep.equal(before);
    expect(await recordsIn(fixture.system, DLT)).to.have.length(letters.length);
  });

  it('refuses what can not be meant, with exit code 2', async () => {
    expectSaid(await run('redrive'), 2, 'say which ones');
    expectSaid(await run('discard', '1'), 2, "required option '--because <text>' not specified");
    expectSaid(await run('forget', '1'), 2, "unknown command 'forget'");
  });

  it('gives a letter to the projector again as it was, which parks it again', async () => {
    const id = await idOf('one');
    expectSaid(await run('redrive', id), 0, '1 matched, 1 redriven, 0 failed');
    await deadLettersCaughtUp();
    expect(await rowOf('one')).to.include({ status: 'parked', redrives: 1 });
    const [first, second] = (await recordsIn(fixture.system, DLT)).filter(
      ({ key }) => key === 'one',
    );
    expect(second).to.deep.equal(first);
    expect((await rows()).map((row) => String(row.id))).to.contain(id);
    expect(await rows()).to.have.length(7);
  });

  it('has a letter applied once that can be applied by now, however often it is redriven', async function () {
    this.timeout(180_000);
    const [event] = tooLong;
    const key = event?.eventId ?? '';
    const [letter] = (await recordsIn(fixture.system, DLT)).filter((found) => found.key === key);
    await fixture.database.db.raw('ALTER TABLE assignments MODIFY user_id VARCHAR(80) NOT NULL');
    const operators = await Promise.all([1, 2].map(async () => run('redrive', await idOf(key))));
    const redriven = operators.map(({ stdout }) => Number(/(\d+) redriven/.exec(stdout)?.[1]));
    expect(redriven.reduce((a, b) => a + b)).to.equal(1);
    await waitUntil('it is applied', async () => (await statusOf(key)) === 'applied');
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 6,
      rows: 6,
    });

    const settled = await rows();
    expectSaid(await run('redrive', await idOf(key)), 0, '0 matched, 0 redriven, 0 failed');
    await fixture.log.appendRaw([{ topic: DLT, ...(letter as NonNullable<typeof letter>) }]);
    await deadLettersCaughtUp();
    expect(await rows()).to.deep.equal(settled);
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 6,
      rows: 6,
    });
  });

  it('redrives by filter, no more than the limit', async () => {
    expectSaid(
      await run('redrive', '--coupon', coupon.couponId, '--topic', ASSIGN_TOPIC, '--limit', '1'),
      0,
      '1 matched, 1 redriven, 0 failed',
    );
    await deadLettersCaughtUp();
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 7,
      rows: 7,
    });
    expect(await statusOf(tooLong[2]?.eventId ?? '')).to.equal('parked');
  });

  it('does not redrive what never was in the log, and says so', async () => {
    const ran = await run('redrive', '--topic', DLT);
    expectSaid(ran, 1, '1 matched, 0 redriven, 1 failed');
    expect(ran.stderr).to.contain('it never was in the log: it can only be discarded');
    expect(await statusOf(refused.eventId)).to.equal('parked');
  });

  it('discards with who and why, and keeps the row', async () => {
    const id = await idOf('two');
    const words = ['--because', '  a test of ours ', '--by', 'ann'];
    expectSaid(await run('discard', id, ...words), 0, '1 matched, 1 discarded');
    expect(await rowOf('two')).to.include({
      status: 'discarded',
      discarded_by: 'ann',
      discarded_because: 'a test of ours',
    });
    expectSaid(await run('show', id), 0, /discarded +2\S+Z by ann: a test of ours/);
    expectSaid(await run('discard', id, ...words), 0, '0 matched, 0 discarded');
    const redriven = await run('redrive', id);
    expectSaid(redriven, 1, '1 matched, 0 redriven, 1 failed');
    expect(redriven.stderr).to.contain('that is for good');
  });

  it('never applies what is discarded, even if a letter of it was still on its way', async () => {
    const [, , event] = tooLong;
    const key = event?.eventId ?? '';
    const [letter] = (await recordsIn(fixture.system, DLT)).filter((found) => found.key === key);
    expectSaid(
      await run('discard', await idOf(key), '--because', 'revoked by hand'),
      0,
      '1 discard',
    );
    const before = await totals(fixture.database, [DLT]);
    await fixture.log.appendRaw([{ topic: DLT, ...(letter as NonNullable<typeof letter>) }]);
    await deadLettersCaughtUp();
    expect(await totals(fixture.database, [DLT])).to.include({ repeated: before.repeated + 1 });
    expect(await statusOf(key)).to.equal('discarded');
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 7,
      rows: 7,
    });
  });

  it('redrives a discarded one that is named, and only that', async () => {
    expectSaid(await run('redrive', '--reason', 'ER_DATA_TOO_LONG'), 0, '0 matched');
    const key = tooLong[2]?.eventId ?? '';
    expectSaid(await run('redrive', await idOf(key)), 0, '1 matched, 1 redriven');
    await waitUntil('it is applied', async () => (await statusOf(key)) === 'applied');
    expect(await rowOf(key)).to.include({ discarded_by: null, discarded_because: null });
    expect(await issuedOf(fixture.database, coupon.couponId)).to.deep.equal({
      counter: 8,
      rows: 8,
    });
  });
});

function raw(value: Buffer, key: string): RawRecord {
  return { topic: ASSIGN_TOPIC, partition: 1, key, value, headers: { traceparent: TRACE } };
}

function headersOfRefused(): Record<string, string> {
  return toDeadLetterHeaders({
    topic: ASSIGN_TOPIC,
    partition: 1,
    offset: null,
    poison: { code: 'EVENT_REFUSED', reason: 'the record is too large', attempts: 1 },
    failedAtMs: Date.now(),
    highestMarker: 0,
    headers: {},
  }) as Record<string, string>;
}
