import { expect } from 'chai';
import { randomName } from '../support/random-name.ts';
import { askForCoupon, assign, call, couponBody, createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('The whole path, over HTTP only', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    system = await startSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  /** Reads what a command's answer speaks of, once the read model is that far. */
  const readAfter = (url: string, position: string | null) =>
    waitUntil('the read model is that far', async () => {
      const headers = { 'Firstcome-Position': position ?? '', Prefer: 'wait=10' };
      const answer = await call('GET', url, { headers });
      return answer.status !== 503 && answer;
    });

  it('creates a coupon and shows it to whoever reads with the position of the answer', async () => {
    const created = await askForCoupon(
      system.commandApi,
      couponBody({ title: '  한글 제목 👨‍👩‍👧 é  ', quantity: 7, perUserLimit: 2 }),
    );
    expect(created.status).to.equal(201);
    expect(created.body).to.include({
      title: '한글 제목 👨‍👩‍👧 é',
      quantity: 7,
      perUserLimit: 2,
      startDate: '2026-01-01T00:00:00.000Z',
      endDate: '2099-12-31T14:59:59.000Z',
    });
    const location = created.headers.get('location');
    expect(location).to.equal(`${system.queryApi}/coupons/${created.body.id}`);
    const read = await readAfter(location ?? '', created.headers.get('firstcome-position'));
    expect(read.status).to.equal(200);
    expect(read.body).to.include({ ...created.body, issued: 0, remaining: 7, status: 'running' });
  });

  it('gives a unit to a user and shows the assignment at its Location', async () => {
    const couponId = await createCoupon(system.commandApi);
    const given = await assign(system.commandApi, couponId, '김민수');
    expect(given.status).to.equal(201);
    expect(given.body).to.include({ couponId, userId: '김민수', sequence: 1 });
    const position = given.headers.get('firstcome-position');
    const read = await readAfter(given.headers.get('location') ?? '', position);
    expect(read.body).to.deep.equal(given.body);
    const ofUser = await readAfter(
      `${system.queryApi}/users/${encodeURIComponent('김민수')}/assignments`,
      position,
    );
    expect(ofUser.body.items).to.deep.equal([given.body]);
    const ofCoupon = await readAfter(
      `${system.queryApi}/coupons/${couponId}/assignments`,
      position,
    );
    expect(ofCoupon.body).to.deep.equal({ items: [given.body], nextCursor: null });
  });

  it('gives every unit once and not one more to 300 users who ask at the same time', async () => {
    const couponId = await createCoupon(system.commandApi, { quantity: 100 });
    const users = Array.from({ length: 300 }, (_, n) => `user-${n}`);
    const answers = await Promise.all(
      users.map((user) => assign(system.commandApi, couponId, user)),
    );
    const accepted = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 409);
    expect(accepted).to.have.length(100);
    expect(refused).to.have.length(200);
    expect(new Set(refused.map(({ body }) => body.code))).to.deep.equal(new Set(['Coupon-0006']));
    const sequences = accepted.map(({ body }) => body.sequence).sort((a, b) => a - b);
    expect(sequences).to.deep.equal(Array.from({ length: 100 }, (_, n) => n + 1));
    const positions = accepted.map(({ headers }) => headers.get('firstcome-position') ?? '');
    const last = await readAfter(`${system.queryApi}/coupons/${couponId}`, latest(positions));
    expect(last.body).to.include({ issued: 100, remaining: 0, status: 'sold-out' });
  });

  it('refuses a second unit and names the assignment that the user holds', async () => {
    const couponId = await createCoupon(system.commandApi);
    const first = await assign(system.commandApi, couponId, 'ann');
    const second = await assign(system.commandApi, couponId, 'ann');
    expect(second.status).to.equal(409);
    expect(second.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(second.body).to.include({ code: 'Coupon-0007', status: 409 });
    expect(second.body.assignments).to.deep.equal([first.body]);
  });

  it('gives as many units to one user as the limit says', async () => {
    const couponId = await createCoupon(system.commandApi, { perUserLimit: 2 });
    const answers = [
      await assign(system.commandApi, couponId, 'bo'),
      await assign(system.commandApi, couponId, 'bo'),
      await assign(system.commandApi, couponId, 'bo'),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([201, 201, 409]);
    expect(answers[2]?.body.assignments).to.deep.equal([answers[0]?.body, answers[1]?.body]);
  });

  it('refuses before the start and after the end, and says when that is', async () => {
    const early = await createCoupon(system.commandApi, { startDate: '2090-01-01T00:00:00Z' });
    const refused = await assign(system.commandApi, early, 'cy');
    expect(refused.status).to.equal(409);
    expect(refused.body).to.include({
      code: 'Coupon-0008',
      startDate: '2090-01-01T00:00:00.000Z',
    });
    let lengthMs = 1_500;
    const { endDate, short } = await waitUntil('a unit of a short coupon is given', async () => {
      const end = new Date(Date.now() + lengthMs).toISOString();
      const couponId = await createCoupon(system.commandApi, { endDate: end, quantity: 1_000_000 });
      const inTime = await assign(system.commandApi, couponId, 'cy');
      // A busy machine may need longer for these two requests.
      lengthMs *= 2;
      return inTime.status === 201 && { endDate: end, short: couponId };
    });
    const late = await waitUntil('the coupon has ended', async () => {
      const answer = await assign(system.commandApi, short, randomName('late-'));
      return answer.status === 409 && answer;
    });
    expect(late.body).to.include({ code: 'Coupon-0009', endDate });
  });

  it('does not know a coupon that nobody created', async () => {
    const answer = await assign(system.commandApi, '00000000-0000-4000-8000-000000000000', 'dee');
    expect(answer.status).to.equal(404);
    expect(answer.body.code).to.equal('Coupon-0001');
  });

  it('gives the same answer to the same key and body, marked as replayed', async () => {
    const couponId = await createCoupon(system.commandApi, { perUserLimit: 5 });
    const key = { 'Idempotency-Key': 'order-1' };
    const first = await assign(system.commandApi, couponId, 'eve', key);
    const again = await assign(system.commandApi, couponId, 'eve', key);
    expect(first.headers.get('idempotency-replayed')).to.equal(null);
    expect(again.status).to.equal(201);
    expect(again.headers.get('idempotency-replayed')).to.equal('true');
    expect(again.body).to.deep.equal(first.body);
    expect(again.headers.get('firstcome-position')).to.be.a('string');
    const other = await assign(system.commandApi, couponId, 'fay', key);
    expect(other.status).to.equal(422);
    expect(other.body.code).to.equal('Coupon-0011');
  });

  it('creates one coupon for twins with the same key', async () => {
    const key = { 'Idempotency-Key': randomName('create-') };
    const twins = await Promise.all(
      Array.from({ length: 20 }, () => askForCoupon(system.commandApi, couponBody(), key)),
    );
    expect(new Set(twins.map(({ status }) => status))).to.deep.equal(new Set([201]));
    expect(new Set(twins.map(({ body }) => JSON.stringify(body))).size).to.equal(1);
    const other = await askForCoupon(system.commandApi, couponBody({ quantity: 11 }), key);
    expect(other.body.code).to.equal('Coupon-0011');
  });

  it('gives one unit to twins with the same key, however many come at once', async () => {
    const couponId = await createCoupon(system.commandApi, { perUserLimit: 100, quantity: 100 });
    const twins = await Promise.all(
      Array.from({ length: 50 }, () =>
        assign(system.commandApi, couponId, 'gus', { 'Idempotency-Key': 'twin' }),
      ),
    );
    expect(new Set(twins.map(({ body }) => body.assignmentId)).size).to.equal(1);
    expect(new Set(twins.map(({ status }) => status))).to.deep.equal(new Set([201]));
    const next = await assign(system.commandApi, couponId, 'hal');
    expect(next.body.sequence).to.equal(2);
  });

  it('gives one unit to a user who asks many times at once without a key', async () => {
    const couponId = await createCoupon(system.commandApi);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => assign(system.commandApi, couponId, 'ida')),
    );
    const named = answers.flatMap(({ body }) => body.assignments ?? [body]);
    expect(new Set(named.map(({ assignmentId }) => assignmentId)).size).to.equal(1);
    const next = await assign(system.commandApi, couponId, 'jo');
    expect(next.body.sequence).to.equal(2);
  });
});

/** For each partition the furthest of these positions, as one header. */
function latest(positions: string[]): string {
  const furthest = new Map<string, bigint>();
  for (const position of positions) {
    const at = position.lastIndexOf('/');
    const partition = position.slice(0, at);
    const offset = BigInt(position.slice(at + 1));
    if (offset > (furthest.get(partition) ?? -1n)) furthest.set(partition, offset);
  }
  return [...furthest].map(([partition, offset]) => `${partition}/${offset}`).join(',');
}
