// JSON that means one thing only.
import { isUtf8 } from 'node:buffer';

// In valid JSON every text starts at the first quote that is outside of one before it, and a text is a
// member's name when a colon follows it.
const TEXTS = /"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)/g;

/**
 * The value in a body of UTF-8; a byte order mark before it is left out.
 * @throws SyntaxError when the body is not UTF-8 or no JSON, or when one object has two members of one name:
 * of those, every reader would take another one (RFC 8259)
 */
export function parseJson(body: Buffer): unknown {
  // Decoding would turn every broken sequence into the same character, and so two different texts (two
  // user ids, say) into one.
  if (!isUtf8(body)) throw new SyntaxError('the body is not UTF-8');
  const decoded = body.toString();
  const text = decoded.startsWith('\ufeff') ? decoded.slice(1) : decoded;
  const value: unknown = JSON.parse(text);
  if (mayRepeatNames(text) && countNames(text) !== countMembers(value)) {
    throw new SyntaxError('a name occurs twice in one object');
  }
  return value;
}

function mayRepeatNames(text: string): boolean {
  return text.indexOf(':') !== text.lastIndexOf(':');
}

function countNames(text: string): number {
  let names = 0;
  for (const [, colon] of text.matchAll(TEXTS)) {
    if (colon === ':') names += 1;
  }
  return names;
}

/** The members of all objects in `value`; without recursion, however deep they are. */
function countMembers(value: unknown): number {
  let members = 0;
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    const values = Object.values(next);
    if (!Array.isArray(next)) members += values.length;
    for (const one of values) waiting.push(one);
  }
  return members;
}
