import { expect } from 'chai';
import { Redis } from 'ioredis';
import { addressOf } from '../support/system/addresses.ts';
import {
  type Answer,
  askForCoupon,
  assign,
  call,
  couponBody,
  createCoupon,
} from '../support/system/api.ts';
import { readRawAnswer, sendRaw } from '../support/system/raw-http.ts';
import { type System, startSystem } from '../support/system/system.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('Bad input gets a typed problem and changes nothing', () => {
  let system: System;
  let couponId: string;
  let redis: Redis;
  let untouched: string;

  /** Everything that is written for the one coupon, and how many coupons there are. */
  const stateInRedis = async (): Promise<string> => {
    const prefix = system.events.topicPrefix;
    return JSON.stringify([
      await redis.scard(`${prefix}firstcome:coupons`),
      await redis.hgetall(`${prefix}coupon:{${couponId}}`),
      await redis.hgetall(`${prefix}coupon:{${couponId}}:holders`),
      await redis.zcard(`${prefix}coupon:{${couponId}}:outbox`),
    ]);
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call('POST', `${system.commandApi}${path}`, { body, headers });
  const expectProblem = (answer: Answer, status: number, code: string): void => {
    expect(answer.status, JSON.stringify(answer.body)).to.equal(status);
    expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(answer.body).to.include({ status, code, type: `urn:firstcome:problem:${code}` });
    expect(answer.body.traceId).to.match(/^[0-9a-f]{32}$/);
    expect(JSON.stringify(answer.body)).not.to.match(/node_modules|\.ts:\d|at async/);
  };

  before(async function () {
    this.timeout(180_000);
    system = await startSystem();
    redis = new Redis(addressOf('REDIS_URL'));
    couponId = await createCoupon(system.commandApi);
    await assign(system.commandApi, couponId, 'first');
    untouched = await stateInRedis();
  });
  after(async function () {
    this.timeout(180_000);
    redis?.disconnect();
    await system?.close();
  });
  afterEach(async () => {
    expect(await stateInRedis(), 'state after a refused request').to.equal(untouched);
  });

  const badCoupons: [string, unknown, number, string][] = [
    ['no title', { title: undefined }, 400, 'Coupon-0005'],
    ['a title of blanks', { title: ' \t　 ' }, 400, 'Coupon-0005'],
    ['a title of fillers', { title: '\u3164\u200b\u2800' }, 400, 'Coupon-0005'],
    ['101 characters', { title: '😀'.repeat(101) }, 400, 'Coupon-0004'],
    ['a control character in the title', { title: 'a\u0007b' }, 400, 'Coupon-0010'],
    ['a title that is a number', { title: 5 }, 400, 'Coupon-0010'],
    ['a negative quantity', { quantity: -1 }, 400, 'Coupon-0002'],
    ['half a unit', { quantity: 0.5 }, 400, 'Coupon-0002'],
    ['more than a million units', { quantity: 1_000_001 }, 400, 'Coupon-0002'],
    ['a quantity as text', { quantity: '5' }, 400, 'Coupon-0002'],
    ['no quantity', { quantity: undefined }, 400, 'Coupon-0002'],
    ['a start date without zone', { startDate: '2026-01-01T00:00:00' }, 400, 'Coupon-0003'],
    ['30 February', { startDate: '2026-02-30T00:00:00Z' }, 400, 'Coupon-0003'],
    [
      'an end in the past',
      { startDate: '2020-01-01T00:00:00Z', endDate: '2021-01-01T00:00:00Z' },
      400,
      'Coupon-0003',
    ],
    [
      'an end before the start',
      { startDate: '2099-01-01T00:00:00Z', endDate: '2098-01-01T00:00:00Z' },
      400,
      'Coupon-0003',
    ],
    ['the year 99', { startDate: '0099-12-31T23:30:00-01:00' }, 400, 'Coupon-0003'],
    ['the year 10000', { endDate: '+010000-01-01T00:00:00Z' }, 400, 'Coupon-0003'],
    ['a date as number', { endDate: 4_000_000_000_000 }, 400, 'Coupon-0003'],
    ['a limit of 0', { perUserLimit: 0 }, 400, 'Coupon-0010'],
    ['a limit of 101', { perUserLimit: 101 }, 400, 'Coupon-0010'],
    ['a field nobody knows', { colour: 'red' }, 400, 'Coupon-0010'],
  ];
  for (const [what, fields, status, code] of badCoupons) {
    it(`refuses a coupon with ${what}`, async () => {
      const answer = await askForCoupon(
        system.commandApi,
        couponBody(fields as Record<string, unknown>),
      );
      expectProblem(answer, status, code);
    });
  }

  it('names every faulty field at once', async () => {
    const answer = await askForCoupon(system.commandApi, {
      title: '',
      quantity: -1,
      colour: 'red',
    });
    expect(answer.body.faults.map(({ field }: { field: string }) => field)).to.have.members([
      'colour',
      'title',
      'quantity',
      'startDate',
      'endDate',
    ]);
  });

  const badUsers: [string, unknown][] = [
    ['no user id', {}],
    ['an empty one', { userId: '' }],
    ['65 characters', { userId: 'x'.repeat(65) }],
    ['a number', { userId: 7 }],
    ['null', { userId: null }],
    ['a list', { userId: ['a'] }],
    ['a line break in it', { userId: 'a\nb' }],
    ['a zero byte in it', { userId: 'a\u0000' }],
    ['half a character in it', { userId: 'a\ud800' }],
    ['a blank at its end', { userId: 'a ' }],
    ['a filler for a name', { userId: '\u3164' }],
    ['two dots for a name', { userId: '..' }],
    ['a field nobody knows', { userId: 'a', admin: true }],
    ['a prototype', JSON.parse('{"userId":"a","__proto__":{"x":1}}')],
  ];
  for (const [what, body] of badUsers) {
    it(`refuses to assign to a user with ${what}`, async () => {
      expectProblem(await post(`/coupons/${couponId}/assign`, body), 400, 'Coupon-0010');
    });
  }

  const badBodies: [string, string, number, string][] = [
    ['broken JSON', '{"userId":', 400, 'Coupon-0018'],
    ['a name twice', '{"userId":"ann","userId":"bob"}', 400, 'Coupon-0018'],
    ['a list', '[]', 400, 'Coupon-0010'],
    ['null', 'null', 400, 'Coupon-0010'],
    ['a text', '"ann"', 400, 'Coupon-0010'],
    ['an oversized body', JSON.stringify({ userId: 'x'.repeat(100_000) }), 413, 'Coupon-0019'],
  ];
  for (const [what, body, status, code] of badBodies) {
    it(`refuses ${what} as the body`, async () => {
      expectProblem(await post(`/coupons/${couponId}/assign`, body), status, code);
      expectProblem(await askForCoupon(system.commandApi, body), status, code);
    });
  }

  it('refuses a body that is not JSON by its type', async () => {
    const headers = { 'content-type': 'text/plain' };
    expectProblem(await post('/coupons', 'hello', headers), 415, 'Coupon-0020');
  });

  it('refuses a coupon without a key, with which no lost answer could be asked for again', async () => {
    const answer = await post('/coupons', couponBody());
    expectProblem(answer, 400, 'Coupon-0029');
    expect(answer.body.faults).to.deep.equal([
      { field: 'Idempotency-Key', code: 'Coupon-0029', reason: 'is missing' },
    ]);
  });

  it('refuses keys that are empty, too long or not visible ASCII', async () => {
    for (const key of ['k'.repeat(129), 'a b', 'é']) {
      const answer = await post(
        `/coupons/${couponId}/assign`,
        { userId: 'k' },
        { 'Idempotency-Key': key },
      );
      expectProblem(answer, 400, 'Coupon-0010');
    }
  });

  it('refuses two keys in one request', async () => {
    const body = '{"userId":"k"}';
    const request = [
      `POST /coupons/${couponId}/assign HTTP/1.1`,
      ...['Host: x', 'Connection: close', 'Content-Type: application/json'],
      ...['Idempotency-Key: a', 'Idempotency-Key: b', `Content-Length: ${body.length}`, '', body],
    ].join('\r\n');
    const received = await sendRaw(Number(new URL(system.commandApi).port), request);
    expect(readRawAnswer(received)).to.include({ status: 400, code: 'Coupon-0010' });
  });

  it('refuses ids that are none, and does not know ids that nobody has', async () => {
    expectProblem(await post('/coupons/1/assign', { userId: 'a' }), 400, 'Coupon-0010');
    expectProblem(await post('/coupons/%00/assign', { userId: 'a' }), 400, 'Coupon-0010');
    expectProblem(await post('/coupons/%ff/assign', { userId: 'a' }), 400, 'Coupon-0025');
    expectProblem(await post(`/coupons/${NOBODY}/assign`, { userId: 'a' }), 404, 'Coupon-0001');
  });

  it('refuses what is not HTTP, in all services, with a problem', async () => {
    const twoHosts = 'GET /health/live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n';
    for (const url of Object.values(system.services.urls)) {
      const answer = readRawAnswer(await sendRaw(Number(new URL(url).port), twoHosts));
      expect(answer).to.include({ status: 400, code: 'Coupon-0025', closes: true });
    }
  });

  it('knows no other addresses and methods', async () => {
    expectProblem(await post('/', {}), 404, 'Coupon-0021');
    const answer = await call('DELETE', `${system.commandApi}/coupons`);
    expectProblem(answer, 405, 'Coupon-0022');
    expect(answer.headers.get('allow')).to.equal('POST');
  });
});
