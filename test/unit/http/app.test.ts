import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { call } from '../../support/system/api.ts';
import { sendRaw } from '../../support/system/raw-http.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends bytes as a body, and gives status and code. */
async function post(
  url: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string>,
) {
  const response = await fetch(url, { method: 'POST', body, headers });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code };
}

describe('The HTTP dialect of both APIs', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('answers with a problem in the form of RFC 9457, and forbids caching it', async () => {
    const { status, headers, body } = await call('GET', `${server.url}/busy`);
    expect(status).to.equal(503);
    expect(headers.get('content-type')).to.equal('application/problem+json; charset=utf-8');
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(headers.get('retry-after')).to.equal('2');
    expect(body).to.deep.equal({
      type: 'urn:firstcome:problem:Coupon-0014',
      title: 'Not deciding at the moment',
      status: 503,
      code: 'Coupon-0014',
      detail: 'soon',
      retryAfterMs: 1_200,
      traceId: headers.get('x-trace-id'),
    });
  });

  it('does not know other addresses', async () => {
    for (const path of ['/', '/nothing', '/echo/more', '/__proto__', '/%00']) {
      const { status, body } = await call('GET', `${server.url}${path}`);
      expect({ status, code: body.code }).to.deep.equal({ status: 404, code: 'Coupon-0021' });
    }
  });

  it('names the methods of an address that was asked by another', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { status, headers, body } = await call(method, `${server.url}/echo`);
      expect({ status, code: body.code }).to.deep.equal({ status: 405, code: 'Coupon-0022' });
      expect(headers.get('allow')).to.equal('POST');
    }
  });

  it('answers HEAD with everything but the body', async () => {
    const head = await fetch(`${server.url}/named/x`, { method: 'HEAD' });
    expect(head.status).to.equal(200);
    expect(head.headers.get('content-length')).to.equal(String('{"name":"x"}'.length));
    expect(await head.text()).to.equal('');
    const missing = await fetch(`${server.url}/nothing`, { method: 'HEAD' });
    expect(missing.status).to.equal(404);
    expect(await missing.text()).to.equal('');
  });

  it('does not disclose what it is built with', async () => {
    const { headers } = await call('GET', `${server.url}/named/x`);
    expect(headers.get('x-powered-by')).to.equal(null);
    expect(headers.get('server')).to.equal(null);
  });

  describe('keeps the trace', () => {
    const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

    it('of a caller who has one, in answers and problems', async () => {
      for (const path of ['/named/x', '/busy', '/nothing']) {
        const { headers } = await call('GET', `${server.url}${path}`, {
          headers: { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` },
        });
        expect(headers.get('x-trace-id')).to.equal(TRACE_ID);
      }
    });

    it('of a caller whose traceparent is of a later version, as far as it is known', async () => {
      for (const traceparent of [
        `01-${TRACE_ID}-00f067aa0ba902b7-01`,
        `cc-${TRACE_ID}-00f067aa0ba902b7-fd-and-what-nobody-knows-yet`,
      ]) {
        const { headers } = await call('GET', `${server.url}/named/x`, {
          headers: { traceparent },
        });
        expect(headers.get('x-trace-id')).to.equal(TRACE_ID);
      }
    });

    for (const traceparent of [
      'x',
      `0-${TRACE_ID}-00f067aa0ba902b7-01`,
      `01-${TRACE_ID}-0000000000000000-01`,
      `01-${TRACE_ID}-00f067aa0ba902b7-01x`,
      `00-${TRACE_ID}-00f067aa0ba902b7-01-`,
      TRACE_ID,
      `00-${TRACE_ID.toUpperCase()}-00f067aa0ba902b7-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${TRACE_ID}-00f067aa0ba902b7`,
      `ff-${TRACE_ID}-00f067aa0ba902b7-01`,
      `00-${TRACE_ID}-00f067aa0ba902b7-01-x`,
    ]) {
      it(`with a new id when the caller sends ${traceparent.slice(0, 44)}`, async () => {
        const { headers } = await call('GET', `${server.url}/named/x`, {
          headers: { traceparent },
        });
        expect(headers.get('x-trace-id')).to.match(/^[0-9a-f]{32}$/);
        expect(headers.get('x-trace-id')).not.to.be.oneOf([TRACE_ID, '0'.repeat(32)]);
      });
    }

    it('with a new id for each request without one', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () =>
          (await call('GET', `${server.url}/named/x`)).headers.get('x-trace-id'),
        ),
      );
      expect(new Set(ids).size).to.equal(20);
    });
  });

  describe('takes a body', () => {
    it('of any JSON value, and gives it to the route as it is', async () => {
      const fits = (value: unknown) => Buffer.byteLength(JSON.stringify(value)) <= 1_024;
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }).filter(fits), async (value) => {
          const { status, body } = await call('POST', `${server.url}/echo`, {
            body: JSON.stringify(value),
          });
          expect(status).to.equal(201);
          expect(body).to.deep.equal({ body: JSON.parse(JSON.stringify(value)) });
        }),
        { numRuns: 50 },
      );
    });

    it('that is packed', async () => {
      const packed = gzipSync(JSON.stringify({ a: '김' }));
      const response = await fetch(`${server.url}/echo`, {
        method: 'POST',
        body: packed,
        headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
      });
      expect(await response.json()).to.deep.equal({ body: { a: '김' } });
    });

    it('up to its limit, and not a byte more, packed or not', async () => {
      const exact = JSON.stringify('x'.repeat(1_022));
      expect((await post(`${server.url}/echo`, exact, JSON_TYPE)).status).to.equal(201);
      const tooLarge = { status: 413, code: 'Coupon-0019' };
      expect(await post(`${server.url}/echo`, `${exact} `, JSON_TYPE)).to.deep.equal(tooLarge);
      const bomb = gzipSync(JSON.stringify('x'.repeat(5_000_000)));
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      expect(await post(`${server.url}/echo`, bomb, headers)).to.deep.equal(tooLarge);
    });

    for (const text of [
      '{',
      '{"a":1',
      '{"a":1}}',
      "{'a':1}",
      'undefined',
      '\u0000',
      '[1,]',
      'NaN',
    ]) {
      it(`but not ${JSON.stringify(text)}`, async () => {
        expect(await post(`${server.url}/echo`, text, JSON_TYPE)).to.deep.equal({
          status: 400,
          code: 'Coupon-0018',
        });
      });
    }

    it('but not one that is not UTF-8: two broken texts must not become one', async () => {
      const broken = Buffer.concat([Buffer.from('"'), Buffer.from([0xff]), Buffer.from('"')]);
      expect(await post(`${server.url}/echo`, broken, JSON_TYPE)).to.deep.equal({
        status: 400,
        code: 'Coupon-0018',
      });
    });

    it('but not one that is not compressed as its header says', async () => {
      const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
      expect(await post(`${server.url}/echo`, '{"a":1}', headers)).to.deep.equal({
        status: 400,
        code: 'Coupon-0025',
      });
    });

    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json+x' },
      { 'content-type': 'nonsense' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': 'application/json', 'content-encoding': 'zip' },
    ]) {
      it(`but not with ${JSON.stringify(headers)}`, async () => {
        expect(await post(`${server.url}/echo`, '{"a":1}', headers)).to.deep.equal({
          status: 415,
          code: 'Coupon-0020',
        });
      });
    }
  });

  describe('shows nothing of its insides', () => {
    it('in a 500', async () => {
      const { status, headers, body } = await call('GET', `${server.url}/bug`);
      expect(status).to.equal(500);
      expect(body).to.deep.equal({
        type: 'urn:firstcome:problem:Coupon-0024',
        title: 'Internal error',
        status: 500,
        code: 'Coupon-0024',
        traceId: headers.get('x-trace-id'),
      });
    });

    it('in a 503, which says when to ask again', async () => {
      const { status, headers, body } = await call('GET', `${server.url}/lost`);
      expect(status).to.equal(503);
      expect(headers.get('retry-after')).to.equal('1');
      expect(body.code).to.equal('Coupon-0023');
      expect(JSON.stringify(body)).not.to.include('hunter2');
    });
  });

  describe('refuses with a problem', () => {
    const closing = 'Host: x\r\nConnection: close\r\n';

    for (const [what, request, status, code] of [
      [
        'a path with a broken percent sign',
        `GET /named/%e0%a4 HTTP/1.1\r\n${closing}\r\n`,
        400,
        '25',
      ],
      ['what is not HTTP', 'hello\r\n\r\n', 400, '25'],
      [
        'a length that is no number',
        `POST /echo HTTP/1.1\r\n${closing}Content-Length: x\r\n\r\n`,
        400,
        '25',
      ],
      [
        'a length and chunks at once',
        `POST /echo HTTP/1.1\r\n${closing}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
        400,
        '25',
      ],
      ['an address of 20 KB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${closing}\r\n`, 431, '26'],
      [
        'headers of 20 KB',
        `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n${closing}\r\n`,
        431,
        '26',
      ],
    ] as const) {
      it(what, async () => {
        const answer = await sendRaw(server.port, request);
        expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(answer).to.match(/content-type: application\/problem\+json/i);
        expect(answer).to.include(`"code":"Coupon-00${code}"`);
      });
    }
  });
});

describe('Health', () => {
  it('is live and ready while the work can be done', async () => {
    const server = await startTestServer();
    const live = await call('GET', `${server.url}/health/live`);
    const ready = await call('GET', `${server.url}/health/ready`);
    await server.close();
    expect([live.status, live.body]).to.deep.equal([200, { status: 'live' }]);
    expect([ready.status, ready.body]).to.deep.equal([200, { status: 'ready' }]);
    expect(ready.headers.get('cache-control')).to.equal('no-store');
  });

  it('is live and not ready, with the reason, while it can not', async () => {
    const server = await startTestServer({
      readiness: async () => ({ ready: false, reason: 'the store is away' }),
    });
    const live = await call('GET', `${server.url}/health/live`);
    const ready = await call('GET', `${server.url}/health/ready`);
    await server.close();
    expect(live.status).to.equal(200);
    expect(ready.status).to.equal(503);
    expect(ready.body).to.deep.equal({ status: 'not ready', reason: 'the store is away' });
  });

  it('can only be read', async () => {
    const server = await startTestServer();
    const answers = await Promise.all(
      ['/health/live', '/health/ready'].map((path) => call('POST', `${server.url}${path}`)),
    );
    await server.close();
    for (const { status, headers } of answers) {
      expect(status).to.equal(405);
      expect(headers.get('allow')).to.equal('GET, HEAD');
    }
  });
});
