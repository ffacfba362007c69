import { expect } from 'chai';
import { ASSIGN_TOPIC, deadLetterTopicOf } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { openRebuildSession } from '../../../projector/rebuild/rebuild-session.ts';
import { call } from '../../support/system/api.ts';
import { createTestDatabase } from '../../support/system/database.ts';
import { type CliRun, runCli } from '../../support/system/run-cli.ts';
import { startService } from '../../support/system/service-process.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { aCoupon, anAssignment, someAssignments } from './support/event-log.ts';
import { createProjectorFixture, type ProjectorFixture } from './support/projector-fixture.ts';
import { caughtUp, issuedOf, totals } from './support/read-model.ts';
import { startTool, type ToolProcess } from './support/tool-process.ts';

const DLT = deadLetterTopicOf(ASSIGN_TOPIC);

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`npm run rebuild:reads on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let fixture: ProjectorFixture;
    const coupon = aCoupon();
    let sequence = 1;

    before(async function () {
      this.timeout(180_000);
      fixture = await createProjectorFixture('reads');
      await fixture.database.drop();
      fixture.database = await createTestDatabase(server);
      await fixture.log.append(aCoupon(), coupon);
      await append(2_000);
      await fixture.start();
      await caughtUp(fixture.system, fixture.database);
    });
    after(async function () {
      this.timeout(180_000);
      await fixture?.close();
    });

    const append = async (count: number): Promise<CouponAssigned[]> => {
      const events = someAssignments(coupon.couponId, count, sequence);
      sequence += count;
      await fixture.log.append(events);
      return events;
    };
    const environment = () => ({
      MYSQL_URL: fixture.database.url,
      TOPIC_PREFIX: fixture.system.topicPrefix,
    });
    const run = (...args: string[]): Promise<CliRun> =>
      runCli('rebuild-reads', args, environment());
    const start = (): ToolProcess => startTool('rebuild-reads', [], environment());
    const expectSaid = ({ code, stdout, stderr }: CliRun, expected: number, text: RegExp): void => {
      expect(stdout + stderr).to.match(text);
      expect(code, stdout + stderr).to.equal(expected);
    };
    /** Every row of the read tables; of checkpoints, how far they are. */
    const everything = async () => {
      const { db } = fixture.database;
      return {
        coupons: await db('coupons').orderBy('id'),
        counters: await db('coupon_counters').orderBy('coupon_id'),
        assignments: await db('assignments').orderBy('id'),
        checkpoints: await db('projection_checkpoints')
          .select('topic', 'partition_id', 'next_offset', 'highest_marker')
          .orderBy(['topic', 'partition_id']),
      };
    };
    const tables = async (): Promise<string[]> => {
      const [rows] = await fixture.database.db.raw(
        'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      );
      return rows.map(({ name }: { name: string }) => name);
    };
    const passing = async () => (await tables()).filter((name) => /_(next|old)_/.test(name));
    const expectIssued = async (count = sequence - 1): Promise<void> => {
      const issued = await issuedOf(fixture.database, coupon.couponId);
      expect(issued).to.deep.equal({ counter: count, rows: count });
    };

    it('makes the same rows, and leaves nothing behind', async function () {
      this.timeout(180_000);
      const before = await everything();
      expectSaid(await run(), 0, /assignments: 2000 equal, 0 different, 0 too many, 0 missing/);
      expect(await everything()).to.deep.equal(before);
      expect(await passing()).to.deep.equal([]);
      const sum = await totals(fixture.database);
      expect(sum).to.include({ applied: 2_002, markers: 6, dead_lettered: 0 });
      const generation = await fixture.database.db('projection_generation').first();
      expect(Number(generation.generation)).to.equal(2);
    });

    it('lets the projector go on where it was', async () => {
      await append(100);
      await caughtUp(fixture.system, fixture.database);
      await expectIssued();
      expect(await totals(fixture.database)).to.include({ repeated: 0 });
    });

    it('finds every kind of wrong row, and mends them', async function () {
      this.timeout(180_000);
      const right = await everything();
      const { db } = fixture.database;
      const [moved, lost, invented] = right.assignments;
      await db('assignments').where({ id: moved.id }).update({ user_id: 'planted' });
      await db('assignments').where({ id: lost.id }).delete();
      await db('assignments').insert({
        ...invented,
        id: 'planted',
        sequence: 999_999,
        user_id: 'p',
      });
      await db('coupons').where({ id: coupon.couponId }).update({ quantity: 7 });
      await db('coupon_counters').where({ coupon_id: coupon.couponId }).update({ issued: 3 });
      await db('projection_checkpoints').where({ topic: ASSIGN_TOPIC, partition_id: 2 }).update({
        highest_marker: 5,
      });
      const wrong = await everything();

      const checked = await run('--check');
      expectSaid(checked, 1, /6 faulty row\(s\)/);
      expect(checked.stdout).to.match(
        /assignments: 2098 equal, 1 different, 1 too many, 1 missing/,
      );
      expect(checked.stdout).to.contain(`${moved.id} differs in user_id`);
      expect(checked.stdout).to.contain(`${lost.id} is missing in the live table`);
      expect(checked.stdout).to.contain('planted is only in the live table');
      expect(checked.stdout).to.contain(`${coupon.couponId} differs in issued`);
      expect(checked.stdout).to.contain('coupon-assign/2 differs in highest_marker');
      expect(await everything(), 'a check changes nothing').to.deep.equal(wrong);
      expect(await passing()).to.deep.equal([]);

      expectSaid(await run(), 0, /6 row\(s\) mended/);
      expect(await everything()).to.deep.equal(right);
      expectSaid(await run('--check'), 0, /the live tables are as they should be/);
    });

    it('swaps in the middle of a load: every row exact, no read fails, none goes back', async function () {
      this.timeout(180_000);
      const queryApi = await startService('query-api', { MYSQL_URL: fixture.database.url });
      const seen: Seen = { reads: 0, failed: [], wentBack: [] };
      const paths = [`/coupons/${coupon.couponId}`, '/coupons'];
      let isLoaded = true;
      const load = async (): Promise<void> => {
        while (isLoaded) {
          const [event] = await append(40);
          await caughtUp(fixture.system, fixture.database);
          // What was there once is there from now on.
          paths[2] = `/assignments/${event?.assignmentId}`;
        }
      };
      const read = async (): Promise<void> => {
        let issued = 0;
        while (isLoaded) issued = await readAll(queryApi.url, paths, issued, seen);
      };
      const loading = Promise.all([load(), read(), read()]);
      const runs: CliRun[] = [];
      for (let n = 0; n < 2; n += 1) runs.push(await run());
      isLoaded = false;
      await loading;
      await queryApi.end('SIGTERM');
      for (const ran of runs) expectSaid(ran, 0, /swapped; the projector stood still for \d+ ms/);
      await caughtUp(fixture.system, fixture.database);
      await expectIssued();
      expect(seen.failed).to.deep.equal([]);
      expect(seen.wentBack).to.deep.equal([]);
      expect(seen.reads).to.be.above(10);
      expectSaid(await run('--check'), 0, /the live tables are as they should be/);
    });

    it('can be killed at any point and run again', async function () {
      this.timeout(180_000);
      for (const line of [/^built from/, /^compared in/, /^projection_checkpoints: /, /^swapped/]) {
        const tool = start();
        await tool.prints(line);
        await tool.kill();
        await append(10);
        await caughtUp(fixture.system, fixture.database);
        await expectIssued();
      }
      expectSaid(await run(), 0, /every row was as it should be/);
      expect(await passing()).to.deep.equal([]);
      await expectIssued();
    });

    it('waits with the swap for a long read, and lets the others read meanwhile', async function () {
      this.timeout(180_000);
      const reader = await fixture.database.db.transaction();
      await reader('coupons').first();
      const tool = start();
      await tool.prints(/the tables are in use, trying again/);
      expect(await fixture.database.db('coupons')).to.have.length(2);
      await append(10);
      await caughtUp(fixture.system, fixture.database);
      await reader.commit();
      expect(await tool.ended(), tool.lines.join('\n')).to.equal(0);
      await expectIssued();
    });

    it('leaves it to another rebuild that is on its way', async () => {
      const session = await openRebuildSession(fixture.database.db);
      try {
        expectSaid(await run(), 1, /another rebuild of these tables is on its way/);
      } finally {
        await session?.end();
      }
    });

    it('has a projector follow tables that were put in the place of others, when nothing new comes', async function () {
      this.timeout(180_000);
      const { db } = fixture.database;
      const right = await everything();
      // As a backup from before the last assignments.
      const place = { topic: ASSIGN_TOPIC, partition_id: 1 };
      const last = await db('projection_checkpoints').where(place).first();
      await db.transaction(async (trx) => {
        await trx('projection_generation').forUpdate().first();
        await trx('assignments').delete();
        await trx('coupon_counters').delete();
        await trx('projection_checkpoints')
          .where('topic', ASSIGN_TOPIC)
          .update({ next_offset: 0, highest_marker: null, applied: 0, markers: 0 });
      });
      await waitUntil('it is applied again', async () => {
        const row = await db('projection_checkpoints').where(place).first();
        return Number(row.next_offset) >= Number(last.next_offset);
      });
      await caughtUp(fixture.system, fixture.database);
      expect(await everything()).to.deep.equal(right);
    });

    it('applies what was tried again and applied, and not what is parked or discarded', async function () {
      this.timeout(180_000);
      const { db } = fixture.database;
      const before = sequence - 1;
      const tooLong = [1, 2, 3].map((n) =>
        anAssignment(coupon.couponId, 1_000_000 + n, { userId: `${'x'.repeat(65)}${n}` }),
      );
      const idOf = async (event: CouponAssigned | undefined) =>
        String(
          (
            await db('dead_letters')
              .where('record_key', event?.eventId ?? '')
              .first('id')
          ).id,
        );
      await fixture.log.append(tooLong);
      await caughtUp(fixture.system, fixture.database);
      await waitUntil('they are parked', async () => (await db('dead_letters')).length === 3);
      const [applied, discarded, parked] = tooLong;
      // Now every one of them could be applied.
      await db.raw('ALTER TABLE assignments MODIFY user_id VARCHAR(80) NOT NULL');
      const deadLetters = (...args: string[]) => runCli('dead-letters', args, environment());
      expectSaid(await deadLetters('redrive', await idOf(applied)), 0, /1 redriven/);
      expectSaid(
        await deadLetters('discard', await idOf(discarded), '--because', 'so'),
        0,
        /1 disc/,
      );
      await waitUntil('one is applied', async () => {
        const row = await db('dead_letters')
          .where('record_key', applied?.eventId ?? '')
          .first();
        return row.status === 'applied';
      });
      const parkedRows = await db('dead_letters').orderBy('id');
      const right = await everything();

      expectSaid(await run(), 0, /every row was as it should be/);
      expect(await everything()).to.deep.equal(right);
      expect(await db('dead_letters').orderBy('id')).to.deep.equal(parkedRows);
      // The one that was applied later is applied where it stands in the log now.
      expect(await totals(fixture.database)).to.include({ dead_lettered: 2 });
      expect(await totals(fixture.database, [DLT])).to.include({ applied: 1, dead_lettered: 3 });
      await expectIssued(before + 1);

      expectSaid(await deadLetters('redrive', await idOf(parked)), 0, /1 redriven/);
      await waitUntil('it is applied', async () => {
        return (await issuedOf(fixture.database, coupon.couponId)).rows === before + 2;
      });
    });

    it('refuses a log that is not the one that the tables were made from', async () => {
      const { db } = fixture.database;
      const checkpoint = db('projection_checkpoints').where({
        topic: ASSIGN_TOPIC,
        partition_id: 0,
      });
      const { next_offset } = await checkpoint.clone().first();
      await checkpoint.clone().update({ next_offset: Number(next_offset) + 1_000 });
      expectSaid(await run(), 1, /coupon-assign\/0 ends at \d+, applied is \d+/);
      await checkpoint.clone().update({ next_offset });
      expect(await passing()).to.deep.equal([]);
    });
  });
}

type Seen = { reads: number; failed: unknown[]; wentBack: unknown[] };

/** @returns how many units were issued, as the last of these says */
async function readAll(
  url: string,
  paths: readonly string[],
  issuedBefore: number,
  seen: Seen,
): Promise<number> {
  let issued = issuedBefore;
  for (const path of paths) {
    const { status, body } = await call('GET', url + path);
    seen.reads += 1;
    if (status !== 200) seen.failed.push([path, status, body]);
    if (body?.issued < issued) seen.wentBack.push([issued, body.issued]);
    issued = body?.issued ?? issued;
  }
  return issued;
}
