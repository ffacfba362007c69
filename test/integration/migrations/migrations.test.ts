import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { migrateToLatest, rollbackAll } from '../../../admin/migrations.ts';
import { createMysql } from '../../../platform/mysql.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/system/database.ts';

const FILES = readdirSync('migrations').sort();
const TABLES = [
  'assignments',
  'coupon_counters',
  'coupons',
  'dead_letters',
  'projection_checkpoints',
  'projection_generation',
];
const TIME = '2026-11-22 10:20:30.123';

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`migrations on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let database: TestDatabase;

    before(async () => {
      database = await createEmptyDatabase(server);
    });
    after(() => database.drop());

    it('runs on the server of its name', async () => {
      const [[row]] = await database.db.raw('SELECT VERSION() AS version');
      if (server === 'MARIADB_URL') expect(row.version).to.contain('MariaDB');
      else expect(row.version).not.to.contain('MariaDB');
    });

    it('goes up, down and up again, and up twice changes nothing', async () => {
      const files = await migrateToLatest(database.db);
      expect(await tables()).to.deep.equal(TABLES);
      const shapes = await shapesOf();
      expect(await migrateToLatest(database.db)).to.deep.equal([]);
      expect([...(await rollbackAll(database.db))].reverse()).to.deep.equal(files);
      expect(await tables()).to.deep.equal([]);
      expect(await migrateToLatest(database.db)).to.deep.equal(files);
      expect(await shapesOf()).to.deep.equal(shapes);
    });

    it('are one when two run at once', async () => {
      const another = createMysql({ url: database.url, poolSize: 1 });
      for (let round = 0; round < 3; round += 1) {
        await rollbackAll(database.db);
        const ran = await Promise.all([migrateToLatest(database.db), migrateToLatest(another)]);
        expect(ran.map(({ length }) => length).sort()).to.deep.equal([0, FILES.length]);
      }
      await another.destroy();
    });

    it('may each run again, as after a death before it was noted down', async () => {
      await migrateToLatest(database.db);
      const shapes = await shapesOf();
      await rollbackAll(database.db);
      for (const file of FILES) {
        const { up } = await import(`../../../migrations/${file}`);
        await up(database.db);
        await up(database.db);
      }
      expect(await migrateToLatest(database.db)).to.deep.equal(FILES);
      expect(await shapesOf()).to.deep.equal(shapes);
      expect(await database.db('projection_generation')).to.have.length(1);
    });

    it('are finished by the next run when one was killed', async () => {
      await migrateToLatest(database.db);
      const shapes = await shapesOf();
      await database.db.raw('DROP TABLE knex_migrations, knex_migrations_lock');
      await database.db.raw(`DROP TABLE ${TABLES.join()}`);
      const script = fileURLToPath(new URL('./migrate-and-die.ts', import.meta.url));
      for (const deathAfter of [3, 2, 3]) {
        const env = { ...process.env, MYSQL_URL: database.url, DIE_AFTER: `${deathAfter}` };
        const child = spawn(process.execPath, [script], { env, stdio: 'ignore' });
        expect(await once(child, 'exit')).to.deep.equal([null, 'SIGKILL']);
      }
      const files = await migrateToLatest(database.db);
      expect(files.at(-1)).to.equal(FILES.at(-1));
      expect(await migrateToLatest(database.db)).to.deep.equal([]);
      expect(await shapesOf()).to.deep.equal(shapes);
    });

    it('states its character set, whatever the default of the database is', async () => {
      const [rows] = await database.db.raw(
        `SELECT DISTINCT COALESCE(character_set_name, '') AS name FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name IN (?) ORDER BY name`,
        [TABLES],
      );
      expect(rows.map((row: { name: string }) => row.name)).to.deep.equal(['', 'ascii', 'utf8mb4']);
    });

    it('keeps Korean, emoji and combining marks as they are', async () => {
      for (const title of ['선착순 쿠폰 이만 장', '🎟️🇰🇷 coupon', 'Cafe\u0301', '𝕏'.repeat(100)]) {
        const id = await insertCoupon({ title });
        const row = await database.db('coupons').where({ id }).first();
        expect(row.title).to.equal(title);
      }
    });

    it('keeps times to the millisecond, in UTC', async () => {
      const id = await insertCoupon({ end_date: '9999-12-31 23:59:59.999' });
      const row = await database.db('coupons').where({ id }).first();
      expect(row.start_date.toISOString()).to.equal('2026-11-22T10:20:30.123Z');
      expect(row.end_date.toISOString()).to.equal('9999-12-31T23:59:59.999Z');
    });

    it('refuses a second assignment with the same nth_of_user', async () => {
      const first = assignment({});
      await database.db('assignments').insert(first);
      await expectDuplicate(
        database.db('assignments').insert({ ...first, id: randomUUID(), sequence: 2 }),
        'assignments_once_per_turn',
      );
      await database
        .db('assignments')
        .insert({ ...first, id: randomUUID(), sequence: 2, nth_of_user: 2 });
    });

    it('distinguishes user ids by case and by accent', async () => {
      const first = assignment({ user_id: 'cafe' });
      await database
        .db('assignments')
        .insert([
          first,
          { ...first, id: randomUUID(), sequence: 2, user_id: 'Cafe' },
          { ...first, id: randomUUID(), sequence: 3, user_id: 'café' },
        ]);
    });

    it('refuses the same sequence of a coupon for another user', async () => {
      const first = assignment({});
      await database.db('assignments').insert(first);
      await expectDuplicate(
        database.db('assignments').insert({ ...first, id: randomUUID(), user_id: 'another' }),
        'assignments_once_per_sequence',
      );
    });

    it('refuses the same assignment id', async () => {
      const first = assignment({});
      await database.db('assignments').insert(first);
      await expectDuplicate(
        database
          .db('assignments')
          .insert({ ...first, coupon_id: randomUUID(), user_id: 'another', sequence: 9 }),
        'PRIMARY',
      );
    });

    it('refuses a second checkpoint of a partition and a second dead letter of a record', async () => {
      const place = { topic: 'coupon-assign', partition_id: 2 };
      const counters = { applied: 0, repeated: 0, fenced: 0, markers: 0, dead_lettered: 0 };
      const checkpoint = { ...place, ...counters, next_offset: 7, updated_at: TIME };
      await database.db('projection_checkpoints').insert(checkpoint);
      await expectDuplicate(database.db('projection_checkpoints').insert(checkpoint), 'PRIMARY');
      const deadLetter = {
        ...place,
        record_offset: 7,
        record_key: Buffer.from('key'),
        record_value: Buffer.from([0, 255, 128]),
        headers: '{}',
        reason_code: 'RECORD_UNREADABLE',
        reason: 'why',
        attempts: 1,
        failed_at: TIME,
      };
      await database.db('dead_letters').insert(deadLetter);
      await expectDuplicate(
        database.db('dead_letters').insert(deadLetter),
        'dead_letters_once_per_record',
      );
      const row = await database.db('dead_letters').where(place).first();
      expect(row.record_value).to.deep.equal(Buffer.from([0, 255, 128]));
    });

    async function tables(): Promise<string[]> {
      const [rows] = await database.db.raw(
        `SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name NOT LIKE 'knex%'`,
      );
      return rows.map((row: { name: string }) => row.name).sort();
    }

    async function shapesOf(): Promise<unknown[]> {
      return Promise.all(
        TABLES.map(async (table) => (await database.db.raw('SHOW CREATE TABLE ??', [table]))[0]),
      );
    }

    async function insertCoupon(fields: Record<string, unknown>): Promise<string> {
      const id = randomUUID();
      await database.db('coupons').insert({
        id,
        title: 'a coupon',
        quantity: 4_294_967_295,
        per_user_limit: 1,
        start_date: TIME,
        end_date: TIME,
        created_at: TIME,
        epoch: 0,
        ...fields,
      });
      return id;
    }

    function assignment(fields: Record<string, unknown>) {
      return {
        id: randomUUID(),
        coupon_id: randomUUID(),
        user_id: 'user',
        nth_of_user: 1,
        sequence: 1,
        assigned_at: TIME,
        epoch: 0,
        ...fields,
      };
    }

    async function expectDuplicate(insert: PromiseLike<unknown>, key: string): Promise<void> {
      const error = await Promise.resolve(insert).then(
        () => expect.fail('was inserted'),
        (thrown: Error & { code?: string }) => thrown,
      );
      expect(error).to.have.property('code', 'ER_DUP_ENTRY');
      expect(error.message).to.contain(key);
    }
  });
}
