// HTTP by hand, for what no client would send.
import { connect } from 'node:net';

/** What came back, its status and headers, its body, and how many answers there were in it. */
export type RawAnswer = {
  status: number;
  contentType: string | null;
  closes: boolean;
  code: string | null;
  answers: number;
};

/** Reads the first answer in what `sendRaw` gives. */
export function readRawAnswer(received: string): RawAnswer {
  const [, status = '0'] = /^HTTP\/1\.1 (\d{3}) /.exec(received) ?? [];
  const [, contentType = null] = /^content-type: ([^\r]*)/im.exec(received) ?? [];
  const [, code = null] = /"code":"([^"]*)"/.exec(received) ?? [];
  return {
    status: Number(status),
    contentType,
    closes: /^connection: close\r$/im.test(received),
    code,
    answers: received.split('HTTP/1.1 ').length - 1,
  };
}

/**
 * Sends these bytes to a loopback port and gives all that comes back until the other side is done.
 * An answer that stays open after it is complete is ended by `Connection: close` in `text`.
 */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  await new Promise<void>((resolve) => {
    // A reset after the answer is as good an end as any.
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
  });
  return received;
}
