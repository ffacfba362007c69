// Answers out of the bytes of a keep-alive connection: as much of HTTP/1.1 as a load generator needs,
// at a fraction of what a general client costs (a request here is 15 µs of client CPU; undici 30 to
// 45, node:http 70). One request at a time, so one answer at a time.

export type HttpResponse = {
  status: number;
  /** The head of the answer in lower case, from the status line on; ask it with `headerOf`. */
  head: string;
  body: string;
  /** The server will close the connection after this answer. */
  closes: boolean;
};

export type ResponseParser = {
  /**
   * Takes the next bytes (as latin1). Gives the answer when it is whole, null when more has to come,
   * and 'broken' for what is no answer, or more than one: then the connection is of no use any more.
   */
  take(bytes: string): HttpResponse | null | 'broken';
};

const HEAD_END = '\r\n\r\n';
const BEYOND_ASCII = /[\x80-\xff]/;

/** A parser for one connection. */
export function createResponseParser(): ResponseParser {
  let pending = '';
  return {
    take: (bytes) => {
      pending = pending === '' ? bytes : pending + bytes;
      const found = readAnswer(pending);
      if (found !== null) pending = '';
      return found;
    },
  };
}

/** The value of a header, by its name in lower case; null when it is not there. */
export function headerOf({ head }: Pick<HttpResponse, 'head'>, name: string): string | null {
  const start = head.indexOf(`\r\n${name}:`);
  if (start < 0) return null;
  const from = start + name.length + 3;
  const end = head.indexOf('\r\n', from);
  return head.slice(from, end < 0 ? undefined : end).trim();
}

function readAnswer(bytes: string): HttpResponse | null | 'broken' {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return bytes.startsWith('HTTP/1.1 '.slice(0, bytes.length)) ? null : 'broken';
  const head = bytes.slice(0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  if (!head.startsWith('http/1.1 ') || !(status >= 100)) return 'broken';
  const bodyStart = headEnd + HEAD_END.length;
  // 100 Continue and its kin announce the answer.
  if (status < 200) return readAnswer(bytes.slice(bodyStart));
  const body = readBody(bytes, bodyStart, status, head);
  if (body === null || body === 'broken') return body;
  const closes = headerOf({ head }, 'connection') === 'close';
  return { status, head, body: toText(body.latin1), closes };
}

function readBody(
  bytes: string,
  start: number,
  status: number,
  head: string,
): { latin1: string } | null | 'broken' {
  const length = headerOf({ head }, 'content-length');
  if (length !== null) {
    const end = start + Number(length);
    if (bytes.length < end) return null;
    return bytes.length === end ? { latin1: bytes.slice(start) } : 'broken';
  }
  if (headerOf({ head }, 'transfer-encoding') === 'chunked') return readChunks(bytes, start);
  const isBare = (status === 204 || status === 304) && bytes.length === start;
  return isBare ? { latin1: '' } : 'broken';
}

function readChunks(bytes: string, start: number): { latin1: string } | null | 'broken' {
  let latin1 = '';
  for (let at = start; ; ) {
    const sizeEnd = bytes.indexOf('\r\n', at);
    if (sizeEnd < 0) return null;
    const size = Number.parseInt(bytes.slice(at, sizeEnd), 16);
    if (!(size >= 0)) return 'broken';
    const from = sizeEnd + 2;
    if (bytes.length < from + size + 2) return null;
    latin1 += bytes.slice(from, from + size);
    at = from + size + 2;
    if (size === 0) return at === bytes.length ? { latin1 } : 'broken';
  }
}

function toText(latin1: string): string {
  return BEYOND_ASCII.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1;
}
