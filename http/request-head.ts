// What is looked at in the head of every request, before its body is read (RFC 9110, RFC 9112).
import type { IncomingMessage } from 'node:http';
import type { Problem } from '../contracts/problems.ts';
import { isPacking } from './unpack.ts';

// A name or an IPv4 address, or an IPv6 address in brackets; a port or none (RFC 3986). `Host` may be empty.
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
// Neither stands in a request's target: clients cut a fragment off, and some take a backslash for a slash.
const NOT_IN_TARGET = /[#\\]/;
const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)/gi;

const REFUSALS = {
  version: { name: 'versionNotSupported' },
  host: { name: 'unreadableRequest', detail: 'Host must be there, once, and name a host' },
  target: {
    name: 'unreadableRequest',
    detail: '# and \\ in an address have to be percent-encoded',
  },
  oldChunks: { name: 'unreadableRequest', detail: 'HTTP/1.0 knows no Transfer-Encoding' },
  coding: { name: 'notImplemented', detail: 'the only Transfer-Encoding is chunked' },
  expectation: { name: 'expectationFailed', detail: 'the only expectation is 100-continue' },
  type: { name: 'unsupportedMediaType' },
  tooLarge: { name: 'bodyTooLarge' },
} as const satisfies Record<string, Problem>;

/**
 * What is wrong with the head of this request; null when nothing is. Fields that were sent more than once
 * have to come joined by `, ` (`joinDuplicateHeaders`): where there may be one only, that is no good value.
 */
export function problemOfHead(request: IncomingMessage, maxBodyBytes: number): Problem | null {
  if (request.httpVersionMajor !== 1) return REFUSALS.version;
  if (NOT_IN_TARGET.test(request.url ?? '')) return REFUSALS.target;
  const isOld = request.httpVersionMinor === 0;
  const { host, expect } = request.headers;
  if (host === undefined ? !isOld : !HOST.test(host)) return REFUSALS.host;
  if (expect !== undefined && !isOld && expect.toLowerCase() !== '100-continue') {
    return REFUSALS.expectation;
  }
  return hasBody(request) ? problemOfBodyHead(request, isOld, maxBodyBytes) : null;
}

function problemOfBodyHead(
  { headers }: IncomingMessage,
  isOld: boolean,
  maxBodyBytes: number,
): Problem | null {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && isOld) return REFUSALS.oldChunks;
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return REFUSALS.coding;
  if (!isJson(headers['content-type']) || !isPacking(headers['content-encoding'])) {
    return REFUSALS.type;
  }
  return Number(headers['content-length'] ?? 0) > maxBodyBytes ? REFUSALS.tooLarge : null;
}

/** Does a body follow the head of this request? */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

// JSON is UTF-8 (RFC 8259); another charset that is named is not what the body is read as.
function isJson(type: string | undefined): boolean {
  if (type === 'application/json') return true;
  if (type === undefined || !JSON_TYPE.test(type)) return false;
  return [...type.matchAll(CHARSET)].every(([, charset = '']) => /^utf-?8$/i.test(charset));
}
