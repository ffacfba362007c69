import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { call } from '../../support/system/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/system/database.ts';
import { type ServiceProcess, startService } from '../../support/system/service-process.ts';
import { insertAssignments, insertCoupon, PAST } from './rows.ts';

for (const server of ['MYSQL_URL', 'MARIADB_URL'] as const) {
  describe(`The query API on ${server === 'MYSQL_URL' ? 'MySQL' : 'MariaDB'}`, () => {
    let database: TestDatabase;
    let service: ServiceProcess;
    const get = (path: string, headers: Record<string, string> = {}) =>
      call('GET', `${service.url}${path}`, { headers });

    before(async () => {
      database = await createTestDatabase(server);
      service = await startService('query-api', { MYSQL_URL: database.url });
    });
    after(async () => {
      await service?.end('SIGTERM');
      await database?.drop();
    });

    describe('shows a coupon', () => {
      it('with its title in every script, exactly, and its times to the millisecond', async () => {
        const title = '선착순 e\u0301é 👨‍👩‍👧 ﷽ <b>"\\';
        const id = await insertCoupon(database.db, { title, perUserLimit: 3, issued: 4 });
        const { status, body } = await get(`/coupons/${id}`);
        expect(status).to.equal(200);
        expect(body).to.deep.equal({
          id,
          title,
          quantity: 10,
          startDate: '2020-01-01T12:00:00.123Z',
          endDate: '2999-12-31T00:00:00.000Z',
          perUserLimit: 3,
          createdAt: '2020-01-01T12:00:00.123Z',
          status: 'running',
          issued: 4,
          remaining: 6,
        });
      });

      for (const [status, fields] of [
        ['scheduled', { startDate: Date.UTC(2998, 0, 1) }],
        ['running', {}],
        ['running', { issued: 9 }],
        ['sold-out', { issued: 10 }],
        ['sold-out', { quantity: 0 }],
        ['ended', { endDate: PAST + 1 }],
        ['ended', { endDate: PAST + 1, issued: 10 }],
      ] as const) {
        it(`that is ${status} with ${JSON.stringify(fields)}`, async () => {
          const id = await insertCoupon(database.db, fields);
          expect((await get(`/coupons/${id}`)).body.status).to.equal(status);
        });
      }

      it('up to the last day that a date may have', async () => {
        const endDate = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
        const id = await insertCoupon(database.db, { endDate });
        expect((await get(`/coupons/${id}`)).body.endDate).to.equal('9999-12-31T23:59:59.999Z');
      });

      it('under its id in any case', async () => {
        const id = await insertCoupon(database.db);
        expect((await get(`/coupons/${id.toUpperCase()}`)).body.id).to.equal(id);
      });
    });

    it('shows an assignment', async () => {
      const couponId = await insertCoupon(database.db);
      const fields = { couponId, userId: '김민수', sequence: 2 ** 40, assignedAt: PAST + 5 };
      const [id] = await insertAssignments(database.db, [fields]);
      const { status, body } = await get(`/assignments/${id}`);
      expect(status).to.equal(200);
      expect(body).to.deep.equal({
        assignmentId: id,
        couponId,
        userId: '김민수',
        sequence: 2 ** 40,
        assignedAt: '2020-01-01T12:00:00.128Z',
      });
    });

    describe('answers 404', () => {
      it('for a coupon that nobody created, and for its assignments', async () => {
        for (const path of [`/coupons/${randomUUID()}`, `/coupons/${randomUUID()}/assignments`]) {
          const { status, body } = await get(path);
          expect({ status, code: body.code }).to.deep.equal({ status: 404, code: 'Coupon-0001' });
        }
      });

      it('for an assignment that nobody has', async () => {
        const { status, body } = await get(`/assignments/${randomUUID()}`);
        expect({ status, code: body.code }).to.deep.equal({ status: 404, code: 'Coupon-0015' });
      });

      it('for the id of the other kind', async () => {
        const couponId = await insertCoupon(database.db);
        const [assignmentId] = await insertAssignments(database.db, [{ couponId }]);
        expect((await get(`/coupons/${assignmentId}`)).status).to.equal(404);
        expect((await get(`/assignments/${couponId}`)).status).to.equal(404);
      });

      it('for an address with another case, or a slash more', async () => {
        const id = await insertCoupon(database.db);
        for (const path of ['/Coupons', '/coupons/', `/coupons/${id}/`, '/users//assignments']) {
          const { status, body } = await get(path);
          expect({ status, code: body.code }).to.deep.equal({ status: 404, code: 'Coupon-0021' });
        }
      });
    });

    it('shows the assignments of a coupon that is not projected yet: they prove that it exists', async () => {
      const couponId = randomUUID();
      const [assignmentId] = await insertAssignments(database.db, [{ couponId }]);
      const { status, body } = await get(`/coupons/${couponId}/assignments`);
      expect(status).to.equal(200);
      expect(body.items.map((item: { assignmentId: string }) => item.assignmentId)).to.deep.equal([
        assignmentId,
      ]);
    });

    it('gives empty lists for a coupon that nobody has, and for a user who has nothing', async () => {
      const empty = { items: [], nextCursor: null };
      const couponId = await insertCoupon(database.db);
      expect((await get(`/coupons/${couponId}/assignments`)).body).to.deep.equal(empty);
      const { status, body } = await get('/users/nobody/assignments');
      expect({ status, body }).to.deep.equal({ status: 200, body: empty });
    });

    describe('distinguishes users', () => {
      for (const [one, other] of [
        ['a', 'A'],
        ['é', 'e\u0301'],
        ['ß', 'ss'],
        ['가', '\u1100\u1161'],
        ['ｱ', 'ア'],
        ['①', '1'],
        ['😀', '😁'],
        ['ann lee', 'ann  lee'],
        ['a/b', 'a%2Fb'],
        ['50%', '50'],
        ["o'neil", 'o`neil'],
        ['한글 이름', '한글이름'],
        ['👍🏽', '👍'],
      ] as const) {
        it(`${JSON.stringify(one)} from ${JSON.stringify(other)}`, async () => {
          const ids = await insertAssignments(database.db, [{ userId: one }, { userId: other }]);
          for (const [index, userId] of [one, other].entries()) {
            const { body } = await get(`/users/${encodeURIComponent(userId)}/assignments`);
            expect(body.items).to.have.length(1);
            expect(body.items[0]).to.include({ userId, assignmentId: ids[index] });
          }
        });
      }
    });

    describe('saves the way for what the caller has', () => {
      it('by an ETag on one coupon and one assignment, checked at every use', async () => {
        const couponId = await insertCoupon(database.db);
        const [assignmentId] = await insertAssignments(database.db, [{ couponId }]);
        for (const path of [`/coupons/${couponId}`, `/assignments/${assignmentId}`]) {
          const first = await get(path);
          const etag = first.headers.get('etag') ?? '';
          expect(etag).to.match(/^W\/"[^"]+"$/);
          expect(first.headers.get('cache-control')).to.equal('no-cache');
          for (const known of [etag, `"x", ${etag}`, '*']) {
            const again = await get(path, { 'if-none-match': known });
            expect(again.status).to.equal(304);
            expect(again.body).to.equal(undefined);
            expect(again.headers.get('etag')).to.equal(etag);
          }
          expect((await get(path, { 'if-none-match': 'W/"x"' })).status).to.equal(200);
        }
      });

      it('until something changed', async () => {
        const couponId = await insertCoupon(database.db, { issued: 1 });
        const first = await get(`/coupons/${couponId}`);
        await database.db('coupon_counters').where('coupon_id', couponId).update('issued', 2);
        const again = await get(`/coupons/${couponId}`, {
          'if-none-match': first.headers.get('etag') ?? '',
        });
        expect(again.status).to.equal(200);
        expect(again.body.remaining).to.equal(8);
      });

      it('never for a problem', async () => {
        const { status, headers } = await get(`/coupons/${randomUUID()}`, { 'if-none-match': '*' });
        expect(status).to.equal(404);
        expect(headers.get('etag')).to.equal(null);
        expect(headers.get('cache-control')).to.equal('no-store');
      });
    });

    it('answers HEAD like GET, without the body', async () => {
      const couponId = await insertCoupon(database.db);
      for (const path of ['/coupons', `/coupons/${couponId}`]) {
        const response = await fetch(`${service.url}${path}`, { method: 'HEAD' });
        expect(response.status).to.equal(200);
        expect(Number(response.headers.get('content-length'))).to.be.above(10);
        expect(await response.text()).to.equal('');
      }
    });

    it('is for reading: every other method is refused', async () => {
      for (const path of [
        '/coupons',
        `/coupons/${randomUUID()}`,
        `/coupons/${randomUUID()}/assignments`,
        `/assignments/${randomUUID()}`,
        '/users/ann/assignments',
      ]) {
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
          const { status, headers, body } = await call(method, `${service.url}${path}`, {
            body: { title: 'x' },
          });
          expect({ status, code: body.code }).to.deep.equal({ status: 405, code: 'Coupon-0022' });
          expect(headers.get('allow')).to.equal('GET, HEAD');
        }
      }
    });

    describe('refuses', () => {
      for (const [path, code, field] of [
        ['/coupons/x', 'Coupon-0010', 'couponId'],
        ['/coupons/x/assignments', 'Coupon-0010', 'couponId'],
        ['/assignments/1', 'Coupon-0010', 'assignmentId'],
        ["/coupons/'%20OR%20'1'='1", 'Coupon-0010', 'couponId'],
        ['/users/%20/assignments', 'Coupon-0010', 'userId'],
        ['/users/%00/assignments', 'Coupon-0010', 'userId'],
        ['/users/a%E2%80%8Bb/assignments', 'Coupon-0010', 'userId'],
        [`/users/${'x'.repeat(65)}/assignments`, 'Coupon-0010', 'userId'],
        ['/coupons?limit=0', 'Coupon-0010', 'limit'],
        ['/coupons?limit=1001', 'Coupon-0010', 'limit'],
        ['/coupons?limit=1&limit=2', 'Coupon-0010', 'limit'],
        ['/coupons?limit[]=1', 'Coupon-0010', 'limit[]'],
        ['/coupons?page=2', 'Coupon-0010', 'page'],
        ['/coupons?__proto__=1', 'Coupon-0010', '__proto__'],
        ['/coupons?cursor=', 'Coupon-0017', 'cursor'],
        ['/coupons?cursor=%00', 'Coupon-0017', 'cursor'],
        ['/coupons?cursor=%ff', 'Coupon-0017', 'cursor'],
        ['/coupons?cursor=W10', 'Coupon-0017', 'cursor'],
        [`/coupons?cursor=${'A'.repeat(10_000)}`, 'Coupon-0017', 'cursor'],
      ] as const) {
        it(`${path.slice(0, 50)} because of ${field}`, async () => {
          const { status, body } = await get(path);
          expect({ status, code: body.code }).to.deep.equal({ status: 400, code });
          expect(body.faults[0].field).to.equal(field);
        });
      }

      it('a path that is not UTF-8', async () => {
        for (const path of [
          '/users/%ff/assignments',
          '/users/%C0%80/assignments',
          '/coupons/%zz',
        ]) {
          const { status, body } = await get(path);
          expect({ status, code: body.code }).to.deep.equal({ status: 400, code: 'Coupon-0025' });
        }
      });
    });
  });
}
