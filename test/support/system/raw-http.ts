// HTTP by hand, for what no client would send.
import { connect } from 'node:net';

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
