import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ASSIGN_TOPIC, deadLetterTopicOf, EVENT_TOPICS } from '../../../contracts/topics.ts';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { createTestDatabase } from '../../support/system/database.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { aCoupon, someAssignments } from './support/event-log.ts';
import { createProjectorFixture, type ProjectorFixture } from './support/projector-fixture.ts';
import { caughtUp, issuedOf, recordsIn, totals } from './support/read-model.ts';

const UNITS = 20_000;

describe('the projection through faults', function () {
  this.timeout(300_000);
  let fixture: ProjectorFixture;

  beforeEach(async () => {
    fixture = await createProjectorFixture('faults');
  });
  afterEach(() => fixture.close());

  /** Every event of the coupon has one row and is counted once, and nothing was given up. */
  async function expectExact(couponId: string, units: number): Promise<void> {
    expect(await issuedOf(fixture.database, couponId)).to.deep.equal({
      counter: units,
      rows: units,
    });
    const { next_offset, applied, markers, ...others } = await totals(fixture.database);
    expect({ next_offset, applied, markers }).to.deep.equal({
      next_offset: units + 1 + 6,
      applied: units + 1,
      markers: 6,
    });
    expect(others).to.deep.equal({ repeated: 0, fenced: 0, dead_lettered: 0 });
    for (const topic of EVENT_TOPICS.map(deadLetterTopicOf)) {
      expect(await recordsIn(fixture.system, topic)).to.deep.equal([]);
    }
  }

  const isUnderWay = (couponId: string) =>
    waitUntil('a part is projected', async () => {
      const { rows } = await issuedOf(fixture.database, couponId);
      return rows > 0 && rows < UNITS;
    });

  it('waits while MySQL is away, gives nothing up, and goes on by itself', async () => {
    const address = new URL(fixture.database.url);
    const proxy: TcpProxy = await createTcpProxy(address.hostname, Number(address.port));
    try {
      address.port = String(proxy.port);
      const projector = await fixture.start({ MYSQL_URL: address.href });
      await caughtUp(fixture.system, fixture.database);
      proxy.cut();
      const coupon = aCoupon();
      await fixture.log.append(coupon, someAssignments(coupon.couponId, 500));
      await waitUntil('it is not ready', async () => {
        const answer = await fetch(`${projector.url}/health/ready`);
        return answer.status === 503 && /has been waiting/.test(await answer.text());
      });
      expect((await fetch(`${projector.url}/health/live`)).status).to.equal(200);
      proxy.mend();
      await caughtUp(fixture.system, fixture.database);
      await expectExact(coupon.couponId, 500);
      await waitUntil('it is ready', async () => (await fetch(`${projector.url}/health/ready`)).ok);
      const warnings = projector.lines.filter(({ msg }) => msg === 'trying again');
      expect(warnings).not.to.deep.equal([]);
      expect(JSON.stringify(projector.lines)).not.to.contain(address.password);
    } finally {
      await proxy.close();
    }
  });

  it('is exact after its connections to MySQL were cut in mid-work again and again', async () => {
    const address = new URL(fixture.database.url);
    const proxy: TcpProxy = await createTcpProxy(address.hostname, Number(address.port));
    try {
      address.port = String(proxy.port);
      const coupon = aCoupon();
      await fixture.log.append(coupon, someAssignments(coupon.couponId, UNITS));
      const projector = await fixture.start({ MYSQL_URL: address.href, BATCH_SIZE: '25' });
      for (let cuts = 0; cuts < 3; cuts += 1) {
        const { rows } = await issuedOf(fixture.database, coupon.couponId);
        await waitUntil('it gets on', async () => {
          const now = await issuedOf(fixture.database, coupon.couponId);
          return now.rows > rows || now.rows === UNITS;
        });
        proxy.cut();
        proxy.mend();
      }
      await caughtUp(fixture.system, fixture.database);
      await expectExact(coupon.couponId, UNITS);
      expect(projector.isRunning()).to.equal(true);
    } finally {
      await proxy.close();
    }
  });

  it('waits for the lock on a checkpoint that another holds', async () => {
    const projector = await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    const coupon = aCoupon();
    const trx = await fixture.database.db.transaction();
    try {
      await trx('projection_checkpoints').where({ topic: ASSIGN_TOPIC }).forUpdate().select('*');
      await fixture.log.append(coupon, someAssignments(coupon.couponId, 30));
      await waitUntil('it met the lock', () =>
        projector.lines.some(({ code }) => code === 'ER_LOCK_WAIT_TIMEOUT'),
      );
    } finally {
      await trx.rollback();
    }
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, 30);
  });

  it('is exact after it was killed in mid-work', async () => {
    const coupon = aCoupon();
    await fixture.log.append(coupon, someAssignments(coupon.couponId, UNITS));
    const killed = await fixture.start({ BATCH_SIZE: '25' });
    await isUnderWay(coupon.couponId);
    await killed.end('SIGKILL');
    const { rows } = await issuedOf(fixture.database, coupon.couponId);
    expect(rows).to.be.below(UNITS);
    await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, UNITS);
  });

  it('is exact when two share the work, one joins in the middle and one leaves', async () => {
    const coupon = aCoupon();
    await fixture.log.append(coupon, someAssignments(coupon.couponId, UNITS));
    const first = await fixture.start({ BATCH_SIZE: '25' });
    await isUnderWay(coupon.couponId);
    const second = await fixture.start({ BATCH_SIZE: '25' });
    expect(await first.end('SIGTERM')).to.equal(0);
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, UNITS);
    expect(second.isRunning()).to.equal(true);
  });

  it('is exact when two of different groups apply the same records at once', async () => {
    const coupon = aCoupon();
    await fixture.log.append(coupon, someAssignments(coupon.couponId, 5_000));
    const groups = [randomUUID(), randomUUID()].map((id) => `${fixture.system.topicPrefix}${id}`);
    await Promise.all(groups.map((CONSUMER_GROUP) => fixture.start({ CONSUMER_GROUP })));
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, 5_000);
  });

  it('ends with 0 on SIGTERM under load, and the next one goes on from there', async () => {
    const coupon = aCoupon();
    await fixture.log.append(coupon, someAssignments(coupon.couponId, UNITS));
    const stopped = await fixture.start({ BATCH_SIZE: '25' });
    await isUnderWay(coupon.couponId);
    expect(await stopped.end('SIGTERM')).to.equal(0);
    expect(
      stopped.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
    ).to.deep.equal([]);
    await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, UNITS);
  });

  it('ends with 0 on SIGTERM while MySQL is away', async () => {
    const address = new URL(fixture.database.url);
    const proxy: TcpProxy = await createTcpProxy(address.hostname, Number(address.port));
    try {
      address.port = String(proxy.port);
      const projector = await fixture.start({ MYSQL_URL: address.href });
      proxy.cut();
      await fixture.log.append(aCoupon());
      await waitUntil('it is stuck', () =>
        projector.lines.some(({ msg }) => msg === 'trying again'),
      );
      expect(await projector.end('SIGTERM')).to.equal(0);
    } finally {
      await proxy.close();
    }
  });

  it('fills an empty database though its group is at the end of the log', async () => {
    const coupon = aCoupon();
    await fixture.log.append(coupon, someAssignments(coupon.couponId, 100));
    const first = await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    await first.end('SIGTERM');
    await fixture.database.drop();
    fixture.database = await createTestDatabase();
    await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    await expectExact(coupon.couponId, 100);
  });

  it('ends with 1 and commits nothing after an unexpected failure', async () => {
    const projector = await fixture.start();
    await caughtUp(fixture.system, fixture.database);
    const before = await totals(fixture.database);
    await fixture.database.db.raw('DROP TABLE coupon_counters');
    const coupon = aCoupon();
    await fixture.log.append(someAssignments(coupon.couponId, 10));
    expect(await projector.ended()).to.equal(1);
    const fatal = projector.lines.find(({ level }) => level === 'fatal');
    expect(fatal).to.include({ code: 'ER_NO_SUCH_TABLE' });
    expect(JSON.stringify(projector.lines)).not.to.contain('user-1');
    expect(await fixture.database.db('assignments')).to.deep.equal([]);
    expect(await totals(fixture.database)).to.deep.equal(before);
  });

  it('ends with 1 when the log is shorter than what was applied', async () => {
    await fixture.database.db('projection_checkpoints').insert({
      ...{ topic: ASSIGN_TOPIC, partition_id: 0, next_offset: 1_000, highest_marker: 0 },
      ...{ applied: 1_000, repeated: 0, fenced: 0, markers: 0, dead_lettered: 0 },
      updated_at: '2026-11-22 00:00:00',
    });
    const projector = await fixture.start();
    expect(await projector.ended()).to.equal(1);
    const line = projector.lines.find(({ reason }) => /applied up to/.test(String(reason)));
    expect(line?.reason).to.match(
      /coupon-assign\/0 is applied up to 1000, but its log goes from 0 to 1/,
    );
  });
});
