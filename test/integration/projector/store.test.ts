import { expect } from 'chai';
import type { Knex } from 'knex';
import { ASSIGN_TOPIC } from '../../../contracts/topics.ts';
import { createMysql } from '../../../platform/mysql.ts';
import type { DecodeResult } from '../../../projector/consumed-record.ts';
import { failureOf } from '../../../projector/failures.ts';
import { ZERO_COUNTS } from '../../../projector/projection/disposition-counts.ts';
import { createProjectBatch } from '../../../projector/projection/project-batch.ts';
import {
  type ApplyOutcome,
  applyOnce,
  readNextOffset,
} from '../../../projector/projection/store.ts';
import { inTransaction, SESSION_STATEMENTS } from '../../../projector/projection/transaction.ts';
import { createTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { aCoupon, anAssignment, decodedAt, marker, someAssignments } from './support/event-log.ts';
import { issuedOf } from './support/read-model.ts';

const PARTITION = 0;

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`the projector's store on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let database: TestDatabase;
    let db: Knex;

    beforeEach(async () => {
      database = await createTestDatabase(server);
      db = createMysql({ url: database.url, poolSize: 4, sessionStatements: SESSION_STATEMENTS });
    });
    afterEach(async () => {
      await db.destroy();
      await database.drop();
    });

    const projectBatch = createProjectBatch(async () => undefined);
    const apply = (readings: [DecodeResult, ...DecodeResult[]]): Promise<ApplyOutcome> =>
      applyOnce(db, readings, projectBatch);

    it('begins its sessions strict, read committed and impatient', async () => {
      const [[row]] = await db.raw(
        'SELECT @@SESSION.sql_mode AS mode, @@SESSION.wait_timeout AS wait, @@SESSION.innodb_lock_wait_timeout AS lockWait',
      );
      expect(row).to.deep.include({ wait: 60, lockWait: 5 });
      expect(row.mode).to.contain('STRICT_ALL_TABLES');
      const [variables] = await db.raw("SHOW VARIABLES LIKE 't%isolation'");
      expect(variables[0].Value).to.equal('READ-COMMITTED');
    });

    it('changes nothing the second time, whole or in part', async () => {
      const coupon = aCoupon();
      const batch = decodedAt(0, marker(0), ...someAssignments(coupon.couponId, 10));
      expect(await apply(batch)).to.deep.equal({
        kind: 'applied',
        nextOffset: 11n,
        counts: { ...ZERO_COUNTS, applied: 10, markers: 1 },
      });
      const before = await everything();
      expect(await apply(batch)).to.deep.equal({
        kind: 'applied',
        nextOffset: 11n,
        counts: ZERO_COUNTS,
      });
      expect(await apply(decodedAt(9, ...someAssignments(coupon.couponId, 2)))).to.deep.equal({
        kind: 'applied',
        nextOffset: 11n,
        counts: ZERO_COUNTS,
      });
      expect(await everything()).to.deep.equal(before);
    });

    it('applies the part of a batch that is past the checkpoint', async () => {
      const coupon = aCoupon();
      const events = someAssignments(coupon.couponId, 10);
      await apply(decodedAt(0, marker(0), ...events.slice(0, 6)));
      const outcome = await apply(decodedAt(3, ...events.slice(2)));
      expect(outcome).to.deep.equal({
        kind: 'applied',
        nextOffset: 11n,
        counts: { ...ZERO_COUNTS, applied: 4 },
      });
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 10, rows: 10 });
    });

    it('does nothing with a batch that begins past the checkpoint', async () => {
      expect(await apply(decodedAt(5, marker(0)))).to.deep.equal({ kind: 'gap', nextOffset: 0n });
      expect(await readNextOffset(db, ASSIGN_TOPIC, PARTITION)).to.equal(0n);
    });

    it('knows the highest marker of an earlier batch', async () => {
      const coupon = aCoupon();
      await apply(decodedAt(0, marker(5)));
      const events = [
        anAssignment(coupon.couponId, 1, { epoch: 4 }),
        anAssignment(coupon.couponId, 2, { epoch: 5 }),
      ];
      expect(await apply(decodedAt(1, ...events))).to.deep.include({
        counts: { ...ZERO_COUNTS, applied: 1, fenced: 1 },
      });
    });

    it('applies a batch once when several projectors apply it at the same time', async () => {
      const coupon = aCoupon();
      await apply(decodedAt(0, marker(0)));
      const batch = decodedAt(1, ...someAssignments(coupon.couponId, 200));
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => apply(batch)));
      const sums = outcomes.map((outcome) => outcome.kind === 'applied' && outcome.counts.applied);
      expect(sums.sort()).to.deep.equal([0, 0, 0, 200]);
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 200, rows: 200 });
    });

    it('begins a partition once when several projectors begin it at the same time', async () => {
      const coupon = aCoupon();
      const batch = decodedAt(0, marker(0), ...someAssignments(coupon.couponId, 200));
      await Promise.all([1, 2, 3, 4].map(() => apply(batch)));
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 200, rows: 200 });
    });

    it('counts the same coupon from several partitions at the same time', async () => {
      const coupon = aCoupon();
      const batches = [0, 1, 2].map((partition) =>
        decodedAt(0, marker(0), ...someAssignments(coupon.couponId, 100, 1 + partition * 100)).map(
          (reading) => ({ ...reading, record: { ...reading.record, partition } }),
        ),
      );
      await Promise.all(batches.map((batch) => apply(batch as [DecodeResult, ...DecodeResult[]])));
      expect(await issuedOf(database, coupon.couponId)).to.deep.equal({ counter: 300, rows: 300 });
    });

    it('undoes the whole batch when one row is refused, checkpoint included', async () => {
      const coupon = aCoupon();
      await apply(decodedAt(0, marker(0)));
      const before = await everything();
      const events = someAssignments(coupon.couponId, 3);
      const error = await thrownBy(
        apply(decodedAt(1, ...events, anAssignment(coupon.couponId, 3))),
      );
      expect(error).to.have.property('code', 'ER_DUP_ENTRY');
      expect(await everything()).to.deep.equal(before);
    });

    it('takes texts that look like SQL for what they are', async () => {
      const userId = "'); DROP TABLE x; -- \\ ? ?? :name $1";
      const coupon = aCoupon({ title: `${userId} 🎟️ \0` });
      await apply(decodedAt(0, marker(0), anAssignment(coupon.couponId, 1, { userId })));
      const lifecycle = decodedAt(0, marker(0), coupon).map((reading) => ({
        ...reading,
        record: { ...reading.record, topic: 'coupon-lifecycle' },
      }));
      await apply(lifecycle as [DecodeResult, ...DecodeResult[]]);
      expect(await database.db('assignments').first()).to.include({ user_id: userId });
      expect(await database.db('coupons').first()).to.include({ title: coupon.title });
    });

    it('ends a transaction whose server fell silent, and keeps no connection for it', async () => {
      const address = new URL(database.url);
      const proxy: TcpProxy = await createTcpProxy(address.hostname, Number(address.port));
      address.port = String(proxy.port);
      const far = createMysql({ url: address.href, poolSize: 1 });
      try {
        for (let times = 0; times < 2; times += 1) {
          const start = performance.now();
          const error = await thrownBy(
            inTransaction(far, 500, async (trx) => {
              await trx.raw('SELECT 1');
              proxy.stall();
              await trx.raw('SELECT 2');
            }),
          );
          expect(failureOf(error)).to.deep.equal({ kind: 'transient' });
          expect(performance.now() - start).to.be.below(20_000);
          proxy.mend();
        }
        const [[row]] = await inTransaction(far, 2_000, (trx) => trx.raw('SELECT 3 AS three'));
        expect(row).to.deep.equal({ three: 3 });
      } finally {
        await far.destroy();
        await proxy.close();
      }
    });

    async function everything(): Promise<unknown> {
      const tables = ['coupons', 'assignments', 'coupon_counters', 'projection_checkpoints'];
      return Promise.all(tables.map((table) => database.db(table)));
    }
  });
}

function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('nothing was thrown'),
    (thrown) => thrown,
  );
}
