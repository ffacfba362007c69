// Bodies of requests: bounded, unpacked, parsed; refused at once where that can be told.
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Problem } from '../contracts/problems.ts';
import { parseJson } from './parse-json.ts';
import { hasBody, problemOfHead } from './request-head.ts';
import { isIdentity, unpack } from './unpack.ts';

/** Answers with a problem, whether the request was read to its end or not. */
type Refuse = (request: Request, response: Response, problem: Problem) => void;

/** Looks at the head of each request, and reads its body, if it has one, into `request.body`. */
export function readBody(maxBytes: number, refuse: Refuse): RequestHandler {
  return (request, response, next) => {
    const problem = problemOfHead(request, maxBytes);
    if (problem !== null) return refuse(request, response, problem);
    if (!hasBody(request)) return next();

    if (request.headers.expect !== undefined && request.httpVersionMinor > 0) {
      response.writeContinue();
    }
    const take = async (bytes: Buffer | null): Promise<void> => {
      const read = await parseBody(request, bytes, maxBytes);
      // Its time was up, and it was answered so: it must not be carried out all the same.
      if (response.headersSent) return;
      if (read.kind === 'refused') return refuse(request, response, read.problem);
      request.body = read.body;
      next();
    };
    collect(request, maxBytes, (bytes) => void take(bytes).catch(next));
  };
}

/** @param bytes of the body; null: there are more than `maxBytes` */
async function parseBody(
  { headers }: IncomingMessage,
  bytes: Buffer | null,
  maxBytes: number,
): Promise<{ kind: 'read'; body: unknown } | { kind: 'refused'; problem: Problem }> {
  const refused = (name: Problem['name']) => ({ kind: 'refused', problem: { name } }) as const;
  if (bytes === null) return refused('bodyTooLarge');
  const encoding = headers['content-encoding'];
  const isPlain = encoding === undefined || isIdentity(encoding);
  const unpacked = isPlain
    ? ({ kind: 'unpacked', body: bytes } as const)
    : await unpack(bytes, encoding, maxBytes);
  if (unpacked.kind === 'too-large') return refused('bodyTooLarge');
  if (unpacked.kind !== 'unpacked') return refused('unreadableRequest');
  try {
    return { kind: 'read', body: parseJson(unpacked.body) };
  } catch {
    return refused('invalidJson');
  }
}

/**
 * Gives the bytes of a body, or null as soon as there are more than `maxBytes`; from then on nothing is
 * read. Never gives any of a body that does not arrive: its connection ends, or is ended when its time is up.
 */
function collect(
  request: IncomingMessage,
  maxBytes: number,
  give: (body: Buffer | null) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const end = (): void => give(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  const add = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    request.off('data', add).off('end', end).pause();
    give(null);
  };
  request.on('data', add).on('end', end);
}
