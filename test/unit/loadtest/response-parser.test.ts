import { expect } from 'chai';
import fc from 'fast-check';
import {
  createResponseParser,
  type HttpResponse,
  headerOf,
} from '../../../loadtest/client/response-parser.ts';

const BODY = JSON.stringify({ title: '커피 쿠폰 ☕', n: 1 });
const BYTES = Buffer.from(BODY).toString('latin1');

const WHOLE = {
  'with a length': `HTTP/1.1 201 Created\r\nContent-Length: ${BYTES.length}\r\nX-One: Two\r\n\r\n${BYTES}`,
  'in chunks': `HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nx-one:two\r\n\r\n${BYTES.slice(0, 5).length.toString(16)}\r\n${BYTES.slice(0, 5)}\r\n${BYTES.slice(5).length.toString(16).toUpperCase()};x=y\r\n${BYTES.slice(5)}\r\n0\r\n\r\n`,
  'after an interim one': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: ${BYTES.length}\r\nX-ONE:  TWO \r\n\r\n${BYTES}`,
};

describe('the reader of answers', () => {
  for (const [name, bytes] of Object.entries(WHOLE)) {
    it(`reads an answer ${name}, however it is cut`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 }),
          (cuts) => {
            const answer = readCut(bytes, cuts);
            expect(answer.status).to.equal(201);
            expect(answer.body).to.equal(BODY);
            expect(answer.closes).to.equal(false);
            expect(headerOf(answer, 'x-one')).to.equal('two');
            expect(headerOf(answer, 'x-two')).to.equal(null);
          },
        ),
      );
    });
  }

  it('reads one answer after the other', () => {
    const reader = createResponseParser();
    for (const bytes of Object.values(WHOLE)) {
      expect(reader.take(bytes)).to.include({ status: 201, body: BODY });
    }
  });

  it('reads an answer without a body', () => {
    const answer = createResponseParser().take('HTTP/1.1 204 No Content\r\n\r\n');
    expect(answer).to.include({ status: 204, body: '' });
  });

  it('sees that the server closes', () => {
    const answer = createResponseParser().take(
      'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    );
    expect(answer).to.include({ status: 503, closes: true });
  });

  for (const [name, bytes] of Object.entries({
    'something else than HTTP': 'SSH-2.0-OpenSSH\r\n',
    'another version': 'HTTP/1.0 200 OK\r\n\r\n',
    'no status': 'HTTP/1.1 abc OK\r\n\r\n',
    'a body without an end': 'HTTP/1.1 200 OK\r\n\r\n',
    'more than one answer': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1',
    'a chunk of no size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  })) {
    it(`calls ${name} broken`, () => {
      expect(createResponseParser().take(bytes)).to.equal('broken');
    });
  }
});

function readCut(bytes: string, cuts: readonly number[]): HttpResponse {
  const reader = createResponseParser();
  const edges = [0, ...cuts, bytes.length].sort((a, b) => a - b);
  const parts = edges.slice(1).map((end, i) => bytes.slice(edges[i], end));
  let answer: HttpResponse | null = null;
  for (const part of parts.filter((text) => text !== '')) {
    expect(answer, 'an answer before its end').to.equal(null);
    const found = reader.take(part);
    if (found === 'broken') throw new Error(`broken at ${part}`);
    answer = found;
  }
  if (answer === null) throw new Error('no answer at its end');
  return answer;
}
