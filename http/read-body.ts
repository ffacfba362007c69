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

    const parse = (body: Buffer): void => {
      try {
        request.body = parseJson(body);
      } catch {
        refuse(request, response, { name: 'invalidJson' });
        return;
      }
      next();
    };
    if (request.headers.expect !== undefined) response.writeContinue();
    collect(request, maxBytes, async (body) => {
      if (body === null) return refuse(request, response, { name: 'bodyTooLarge' });
      const encoding = request.headers['content-encoding'];
      if (encoding === undefined || isIdentity(encoding)) return parse(body);
      const unpacked = await unpack(body, encoding, maxBytes);
      if (unpacked.kind === 'unpacked') return parse(unpacked.body);
      const name = unpacked.kind === 'too-large' ? 'bodyTooLarge' : 'unreadableRequest';
      refuse(request, response, { name });
    });
  };
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
