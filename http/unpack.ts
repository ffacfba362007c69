// Bodies as `Content-Encoding` says that they were packed.
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';

const UNPACK = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/** What came out of a body that was packed. */
type Unpacked = { kind: 'unpacked'; body: Buffer } | { kind: 'too-large' } | { kind: 'broken' };

/** Is this a `Content-Encoding` that can be unpacked, or none? */
export function isPacking(encoding: string | undefined): boolean {
  return encoding === undefined || isIdentity(encoding) || Object.hasOwn(UNPACK, nameOf(encoding));
}

/** Is a body of this `Content-Encoding` as it is? */
export function isIdentity(encoding: string): boolean {
  return nameOf(encoding) === 'identity';
}

/** Unpacks a body, up to `maxBytes` of what is in it. */
export async function unpack(body: Buffer, encoding: string, maxBytes: number): Promise<Unpacked> {
  const run = UNPACK[nameOf(encoding) as keyof typeof UNPACK];
  try {
    return { kind: 'unpacked', body: await run(body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'broken' };
  }
}

function nameOf(encoding: string): string {
  return encoding.toLowerCase();
}
