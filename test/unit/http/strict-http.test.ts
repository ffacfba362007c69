// A request is what HTTP says, or it is refused with a problem: byte by byte, as no client sends it.
import { connect } from 'node:net';
import { expect } from 'chai';
import { readRawAnswer, sendRaw } from '../../support/system/raw-http.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const HOST = 'Host: x\r\n';
const CLOSE = 'Connection: close\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const USUAL = HOST + CLOSE + JSON_TYPE;
const PROBLEM = 'application/problem+json; charset=utf-8';

const GET = (head: string, version = '1.1') => `GET /named/x HTTP/${version}\r\n${head}\r\n`;
const POST = (head: string, body = '') => `POST /echo HTTP/1.1\r\n${head}\r\n${body}`;
const BODY = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('HTTP by the letter', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  for (const [what, request, status, code] of [
    ['no Host', GET(CLOSE), 400, '25'],
    ['two Hosts', GET(`${HOST}Host: y\r\n${CLOSE}`), 400, '25'],
    ['the same Host twice', GET(`${HOST}${HOST}${CLOSE}`), 400, '25'],
    ['a Host that is none', GET(`Host: a b/c\r\n${CLOSE}`), 400, '25'],
    ['a user in the Host', GET(`Host: ann@x\r\n${CLOSE}`), 400, '25'],
    ['a fragment', `GET /named/x#y HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 400, '25'],
    ['a backslash', `GET /named\\x HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 400, '25'],
    ['an expectation that nobody knows', GET(`${HOST}Expect: x\r\n${CLOSE}`), 417, '30'],
    ['two expectations', POST(`${USUAL}Expect: x, 100-continue\r\n`), 417, '30'],
    ['CONNECT', `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, 501, '31'],
    ['a method that is none', `FOO /named/x HTTP/1.1\r\n${HOST}\r\n`, 400, '25'],
    ['TRACE', `TRACE /echo HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405, '22'],
    ['HTTP/2.0 in words', GET(HOST, '2.0'), 505, '32'],
    ['HTTP/0.9 with a head', GET(HOST, '0.9'), 505, '32'],
    ['HTTP/1.2', GET(HOST, '1.2'), 400, '25'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, '25'],
    ['the first bytes of TLS', '\u0016\u0003\u0001\u0000\u0005', 400, '25'],
    ['lines that end in LF alone', 'GET /named/x HTTP/1.1\nHost: x\n\n', 400, '25'],
    ['a folded header', GET(`${HOST}X: a\r\n b\r\n${CLOSE}`), 400, '25'],
    ['a space before a colon', GET(`${HOST}X : a\r\n${CLOSE}`), 400, '25'],
    ['NUL in a header', GET(`${HOST}X: a\u0000\r\n${CLOSE}`), 400, '25'],
    ['gzip as a transfer coding', POST(`${USUAL}Transfer-Encoding: gzip, chunked\r\n`), 501, '31'],
    ['identity as a transfer coding', POST(`${USUAL}Transfer-Encoding: identity\r\n`), 501, '31'],
    [
      'chunks in HTTP/1.0',
      `POST /echo HTTP/1.0\r\n${USUAL}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      '25',
    ],
    [
      'a length and chunks',
      POST(`${USUAL}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`),
      400,
      '25',
    ],
    ['a length twice', POST(`${USUAL}Content-Length: 2\r\nContent-Length: 2\r\n`, '{}'), 400, '25'],
    ['two lengths', POST(`${USUAL}Content-Length: 2\r\nContent-Length: 3\r\n`, '{}'), 400, '25'],
    ['a length with a sign', POST(`${USUAL}Content-Length: +2\r\n`, '{}'), 400, '25'],
    [
      'a chunk without a length',
      POST(`${USUAL}Transfer-Encoding: chunked\r\n`, 'zz\r\n'),
      400,
      '25',
    ],
    [
      'a second chunk without one',
      POST(`${USUAL}Transfer-Encoding: chunked\r\n`, '2\r\n{}\r\nzz\r\n'),
      400,
      '25',
    ],
    [
      'two types',
      POST(`${USUAL}Content-Type: text/plain\r\nContent-Length: 2\r\n`, '{}'),
      415,
      '20',
    ],
    [
      'another charset',
      POST(
        `${HOST}${CLOSE}Content-Type: application/json; charset=utf-16le\r\nContent-Length: 4\r\n`,
        '{\u0000}\u0000',
      ),
      415,
      '20',
    ],
    [
      'two packings',
      POST(`${USUAL}Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n`, '{}'),
      415,
      '20',
    ],
    [
      'a name twice in one object',
      `POST /echo HTTP/1.1\r\n${USUAL}${BODY('{"a":1,"a":2}')}`,
      400,
      '18',
    ],
    [
      'a name twice, once escaped',
      `POST /echo HTTP/1.1\r\n${USUAL}${BODY('{"a":1,"\\u0061":2}')}`,
      400,
      '18',
    ],
    [
      'a name twice, deep inside',
      `POST /echo HTTP/1.1\r\n${USUAL}${BODY('[{"b":{"a":"\\"a\\":","a":2}}]')}`,
      400,
      '18',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const answer = readRawAnswer(await sendRaw(server.port, request));
      expect(answer).to.deep.equal({
        status,
        contentType: PROBLEM,
        closes: true,
        code: `Coupon-00${code}`,
        answers: 1,
      });
    });
  }

  for (const [what, request] of [
    ['HTTP/1.0 without Host', GET('', '1.0')],
    ['an IPv6 address as Host', GET(`Host: [::1]:8080\r\n${CLOSE}`)],
    ['an address with its authority', `GET http://x/named/x HTTP/1.1\r\n${HOST}${CLOSE}\r\n`],
    [
      'an upgrade, which may be ignored',
      GET(`${HOST}Connection: close, Upgrade\r\nUpgrade: websocket\r\n`),
    ],
    [
      'a charset by its other name',
      POST(
        `${HOST}${CLOSE}Content-Type: Application/JSON ;Charset="UTF-8"\r\nContent-Length: 2\r\n`,
        '{}',
      ),
    ],
    ['a byte order mark', `POST /echo HTTP/1.1\r\n${USUAL}${BODY('\ufeff{}')}`],
    [
      'names that only look alike',
      `POST /echo HTTP/1.1\r\n${USUAL}${BODY('{"a":{"a":"a\\":"},"A":["a",":"]}')}`,
    ],
    [
      'deep lists',
      `POST /echo HTTP/1.1\r\n${USUAL}${BODY(`${'['.repeat(500)}${']'.repeat(500)}`)}`,
    ],
    [
      'chunks',
      POST(`${USUAL}Transfer-Encoding: chunked\r\n`, '1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: y\r\n\r\n'),
    ],
  ] as const) {
    it(`takes ${what}`, async () => {
      expect(readRawAnswer(await sendRaw(server.port, request)).status).to.be.oneOf([200, 201]);
    });
  }

  it('answers HEAD without a body, whatever is wrong', async () => {
    for (const head of [CLOSE, `${HOST}${HOST}${CLOSE}`, `${HOST}${CLOSE}Expect: x\r\n`]) {
      const received = await sendRaw(server.port, `HEAD /named/x HTTP/1.1\r\n${head}\r\n`);
      expect(received).to.match(/^HTTP\/1\.1 4\d\d [\s\S]*\r\n\r\n$/);
    }
  });

  it('asks for the body of whoever waits for that, and takes it', async () => {
    const head = `${USUAL}Expect: 100-continue\r\nContent-Length: 2\r\n`;
    const received = await sendRaw(server.port, POST(head, '{}'));
    expect(received).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });

  it('does not ask for a body that it refuses', async () => {
    for (const head of [
      `${HOST}${JSON_TYPE}Expect: 100-continue\r\nContent-Length: 2000\r\n`,
      `${HOST}Content-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 2\r\n`,
    ]) {
      const answer = readRawAnswer(await sendRaw(server.port, POST(head)));
      expect(answer.status).to.be.oneOf([413, 415]);
      expect(answer).to.include({ answers: 1, closes: true });
    }
  });

  describe('on one connection', () => {
    it('answers what was asked before it refuses what comes after', async () => {
      const slow = Promise.withResolvers<void>();
      const waiting = await startTestServer({ slow: slow.promise });
      const received = sendRaw(waiting.port, `GET /slow HTTP/1.1\r\n${HOST}\r\nhello\r\n\r\n`);
      setImmediate(() => slow.resolve());
      expect(await received).to.match(/^HTTP\/1\.1 200 OK[\s\S]*\{"done":true\}HTTP\/1\.1 400 /);
      await waiting.close();
    });

    it('ends it after a request that is not what HTTP says, though it was to be kept', async () => {
      for (const head of ['', `${HOST}${HOST}`, `${HOST}Expect: x\r\n`]) {
        const received = await sendRaw(server.port, `${GET(head)}${GET(`${HOST}${CLOSE}`)}`);
        expect(readRawAnswer(received)).to.include({ closes: true, answers: 1 });
      }
    });

    it('does not carry out what comes after a request that is not what HTTP says', async () => {
      const urls: (string | undefined)[] = [];
      const watched = await startTestServer({
        shedLoad: ({ url }) => {
          urls.push(url);
          return null;
        },
      });
      await sendRaw(
        watched.port,
        `${GET(HOST + HOST)}POST /echo HTTP/1.1\r\n${USUAL}Content-Length: 2\r\n\r\n{}`,
      );
      await watched.close();
      expect(urls).to.deep.equal(['/named/x']);
    });

    it('outlives a reset behind a CONNECT that waits for the answer before it', async () => {
      const slow = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      const waiting = await startTestServer({
        slow: slow.promise,
        shedLoad: () => {
          arrived.resolve();
          return null;
        },
      });
      const socket = connect(waiting.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`GET /slow HTTP/1.1\r\n${HOST}\r\nCONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`);
      await arrived.promise;
      // A round trip on another connection: the CONNECT was read by then.
      await sendRaw(waiting.port, GET(HOST + CLOSE));
      socket.resetAndDestroy();
      await sendRaw(waiting.port, GET(HOST + CLOSE));
      slow.resolve();
      expect(readRawAnswer(await sendRaw(waiting.port, GET(HOST + CLOSE)))).to.include({
        status: 200,
      });
      await waiting.close();
    });

    it('does not tell HTTP/1.0 to continue', async () => {
      const head = `POST /echo HTTP/1.0\r\n${USUAL}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`;
      const received = await sendRaw(server.port, head);
      expect(readRawAnswer(received)).to.include({ status: 201, answers: 1 });
    });

    it('says nothing more after an answer that ended it', async () => {
      const received = await sendRaw(
        server.port,
        `${POST(`${HOST}${JSON_TYPE}Content-Length: 2000\r\n`)}hello\r\n\r\nGET /named/x HTTP/1.1\r\n${HOST}\r\n`,
      );
      expect(readRawAnswer(received)).to.include({ status: 413, answers: 1 });
    });
  });
});
