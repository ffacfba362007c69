// Answers to requests that are not read to their end. A socket that is closed while bytes wait in it is
// reset, and a reset takes the answer from a client that has not read it yet. So the answer goes out, then
// the end of our side, and what still comes is thrown away for a while (a lingering close).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What still comes is thrown away for so long, in milliseconds, */
const LINGER_MS = 5_000;
/** and up to so many bytes. */
const MAX_LINGER_BYTES = 8 * 1_024 * 1_024;
/** A rest of a body that is not longer is read, and the connection stays. */
const SHORT_REST_BYTES = 65_536;

const ending = new WeakSet<Socket>();

/** Does this connection end with an answer that was given already? What comes after it is no request. */
export function isEnding(socket: Socket): boolean {
  return ending.has(socket);
}

/**
 * To be called before an answer to a request that was not read to its end: the connection ends with the
 * answer, unless what is left of the body is known to be short.
 */
export function closeUnlessShort(request: IncomingMessage, response: ServerResponse): void {
  const { headers } = request;
  const isShort =
    headers['transfer-encoding'] === undefined &&
    // Whoever waited for "100 Continue" may send the body all the same, or another request.
    headers.expect === undefined &&
    Number(headers['content-length'] ?? 0) <= SHORT_REST_BYTES;
  if (!request.complete && !isShort) closeAfterAnswer(request, response);
}

/** The connection ends with the answer to this request; what is left of its body is not read. */
export function closeAfterAnswer(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.setHeader('Connection', 'close');
  ending.add(socket);
  // node:http calls this after the last answer of a connection.
  socket.destroySoon = () => lingerAndClose(socket);
}

/** Ends our side of a connection after what was written to it, and all of it when the other side has ended. */
export function lingerAndClose(socket: Socket): void {
  let bytes = 0;
  // The parser of node:http gets nothing any more.
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_LINGER_BYTES) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end();
  socket.resume();
}
