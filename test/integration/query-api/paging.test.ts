// Lists, page by page, while others write.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ASSIGN_TOPIC, LIFECYCLE_TOPIC } from '../../../contracts/topics.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { call } from '../../support/system/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { aCoupon, someAssignments } from '../projector/support/event-log.ts';
import { createPartitions } from './partitions.ts';
import { insertAssignments, insertCoupon, PAST } from './rows.ts';

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`Lists on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let database: TestDatabase;
    let service: ServiceProcess;

    before(async () => {
      database = await createTestDatabase(server);
      service = await startService('query-api', { MYSQL_URL: database.url });
    });
    after(async () => {
      await service?.end('SIGTERM');
      await database?.drop();
    });

    /** Every item of a list, asked page by page; `between` happens after each page. */
    async function readAll<Item>(
      path: string,
      limit: number,
      between: () => Promise<unknown> = async () => undefined,
    ): Promise<Item[]> {
      const items: Item[] = [];
      let cursor: string | null = null;
      do {
        const next: string = cursor === null ? '' : `&cursor=${cursor}`;
        const { status, body } = await call('GET', `${service.url}${path}?limit=${limit}${next}`);
        expect(status).to.equal(200);
        expect(body.items.length).to.be.at.most(limit);
        if (body.nextCursor !== null) expect(body.items).to.have.length(limit);
        items.push(...body.items);
        cursor = body.nextCursor;
        await between();
      } while (cursor !== null);
      return items;
    }

    it('of coupons go from the newest, and show each once, ties and newcomers or not', async () => {
      const { db } = database;
      const ids: { id: string; createdAt: number }[] = [];
      // Many of one moment: the order among them must hold from page to page.
      for (let n = 0; n < 60; n += 1) {
        const createdAt = PAST + Math.floor(n / 20);
        ids.push({ id: await insertCoupon(db, { createdAt }), createdAt });
      }
      const expected = ids
        .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
        .map(({ id }) => id);
      let now = PAST + 1_000;
      for (const limit of [1, 7, 20, 59, 60, 61]) {
        const newcomer = async () => {
          now += 1;
          await insertCoupon(db, { createdAt: now });
        };
        const shown = await readAll<{ id: string }>('/coupons', limit, newcomer);
        const known = shown.map(({ id }) => id);
        expect(new Set(known).size, 'no coupon twice').to.equal(known.length);
        expect(known.filter((id) => expected.includes(id))).to.deep.equal(expected);
      }
    });

    it('of a coupon’s assignments go by sequence, and show each once while more come', async () => {
      const { db } = database;
      const couponId = await insertCoupon(db, { quantity: 1_000 });
      const otherId = await insertCoupon(db, { quantity: 1_000 });
      let sequence = 0;
      const assign = async (count: number) => {
        const events = someAssignments(couponId, count, sequence + 1);
        sequence += count;
        partitions.append(ASSIGN_TOPIC, 0, ...events.map((event) => ({ event })));
        await partitions.apply(ASSIGN_TOPIC, 0);
      };
      const partitions = createPartitions(db);
      await assign(250);
      await insertAssignments(db, [{ couponId: otherId, sequence: 1 }]);
      let pages = 0;
      const shown = await readAll<{ sequence: number }>(
        `/coupons/${couponId}/assignments`,
        30,
        async () => {
          pages += 1;
          if (pages <= 3) await assign(10);
        },
      );
      expect(shown.map((item) => item.sequence)).to.deep.equal(
        Array.from({ length: 280 }, (_, n) => n + 1),
      );
    });

    it('of a coupon’s assignments go over the gaps that a rebuild leaves', async () => {
      const couponId = await insertCoupon(database.db);
      const sequences = [1, 2, 5, 1_000, 2 ** 40];
      await insertAssignments(
        database.db,
        sequences.map((sequence) => ({ couponId, sequence })),
      );
      const shown = await readAll<{ sequence: number }>(`/coupons/${couponId}/assignments`, 2);
      expect(shown.map((item) => item.sequence)).to.deep.equal(sequences);
    });

    it('of a user’s assignments go from the newest, ties and newcomers or not', async () => {
      const { db } = database;
      const userId = '홍 길동 👍🏽';
      const ids = await insertAssignments(
        db,
        Array.from({ length: 45 }, (_, n) => ({ userId, assignedAt: PAST + Math.floor(n / 15) })),
      );
      const expected = ids
        .map((id, n) => ({ id, at: Math.floor(n / 15) }))
        .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
        .map(({ id }) => id);
      let now = PAST + 1_000;
      const shown = await readAll<{ assignmentId: string; userId: string }>(
        `/users/${encodeURIComponent(userId)}/assignments`,
        10,
        async () => {
          now += 1;
          await insertAssignments(db, [{ userId, assignedAt: now }, { userId: 'another' }]);
        },
      );
      expect(shown.map((item) => item.assignmentId)).to.deep.equal(expected);
    });

    it('have 100 items a page when no limit is given, and 1,000 at most', async () => {
      const couponId = await insertCoupon(database.db);
      await insertAssignments(
        database.db,
        Array.from({ length: 1_001 }, (_, n) => ({ couponId, sequence: n + 1 })),
      );
      const url = `${service.url}/coupons/${couponId}/assignments`;
      expect((await call('GET', url)).body.items).to.have.length(100);
      const largest = await call('GET', `${url}?limit=1000`);
      expect(largest.body.items).to.have.length(1_000);
      const rest = await call('GET', `${url}?limit=1000&cursor=${largest.body.nextCursor}`);
      expect(rest.body).to.have.nested.property('items.length', 1);
      expect(rest.body.nextCursor).to.equal(null);
    });

    it('refuse a cursor of another coupon, another user, another list', async () => {
      const { db } = database;
      const couponId = await insertCoupon(db);
      const otherId = await insertCoupon(db);
      for (const id of [couponId, otherId]) {
        await insertAssignments(db, [
          { couponId: id, sequence: 1, userId: 'a' },
          { couponId: id, sequence: 2, userId: 'A' },
        ]);
      }
      const lists = [
        '/coupons',
        `/coupons/${couponId}/assignments`,
        `/coupons/${otherId}/assignments`,
        '/users/a/assignments',
        '/users/A/assignments',
      ];
      for (const list of lists) {
        const { body } = await call('GET', `${service.url}${list}?limit=1`);
        expect(body.nextCursor, list).to.be.a('string');
        for (const other of lists) {
          const url = `${service.url}${other}?limit=1&cursor=${body.nextCursor}`;
          const answer = await call('GET', url);
          expect(answer.status, `${list} -> ${other}`).to.equal(other === list ? 200 : 400);
          if (other !== list) expect(answer.body.code).to.equal('Coupon-0017');
        }
      }
    });

    it('are read by an index, not by looking at everything', async () => {
      // Small tables are scanned whatever the index; these are large enough to show the difference.
      const { db } = database;
      const [couponId, userId] = [await insertCoupon(db), randomUUID()];
      const partitions = createPartitions(db);
      const append = async (partition: number, events: CouponAssigned[]): Promise<void> => {
        const ofMany = Array.from({ length: 500 }, () => ({ event: aCoupon() }));
        partitions.append(LIFECYCLE_TOPIC, partition, ...ofMany);
        partitions.append(ASSIGN_TOPIC, partition, ...events.map((event) => ({ event })));
        await partitions.apply(LIFECYCLE_TOPIC, partition);
        await partitions.apply(ASSIGN_TOPIC, partition);
      };
      for (const partition of [1, 2, 3]) {
        const events = someAssignments(couponId, 1_000, partition * 1_000);
        await append(partition, [
          ...events.map((event) => ({ ...event, userId, nthOfUser: event.sequence })),
          ...someAssignments(randomUUID(), 1_000),
        ]);
      }
      await db.raw('ANALYZE TABLE assignments, coupons, coupon_counters');
      const statements: { sql: string; bindings: unknown[] }[] = [];
      const { createReadStore } = await import('../../../query-api/read-model/read-store.ts');
      const listen = (query: { sql: string; bindings: unknown[] }) => statements.push(query);
      db.on('query', listen);
      const store = createReadStore(db, { timeoutMs: 5_000, maxReads: 10 });
      const reach = new Map([1, 2, 3].map((partition) => [partition, 30]));
      const limit = 10;
      const byTime = { reach, after: { atMs: PAST, id: couponId } };
      const bySequence = { reach, after: { sequence: 1_500, last: 4_000 } };
      for (const after of [null, bySequence, { reach, after: null }]) {
        await store.assignmentsOfCoupon(couponId, { limit, after });
      }
      for (const after of [null, byTime, { reach, after: null }]) {
        await store.assignmentsOfUser(userId, { limit, after });
        await store.coupons({ limit, after });
      }
      db.off('query', listen);
      expect(statements.length, 'of all three kinds').to.be.at.least(12);
      const plans = await Promise.all(
        statements.map(async ({ sql, bindings }) => {
          const [plan] = await db.raw(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, bindings as never);
          return plan.map((step: object) => ({ ...step, sql }));
        }),
      );
      const bad = plans
        .flat()
        .filter(({ table }) => table === 'assignments' || table === 'coupons')
        .filter(
          ({ type, key, Extra }) =>
            type === 'ALL' || key === null || String(Extra).includes('filesort'),
        );
      expect(bad).to.deep.equal([]);
    });
  });
}
