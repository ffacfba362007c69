// Claims are abstract Unix sockets: taken or not in one step, given back by the kernel when their
// owner dies in any way, and scoped to the network namespace exactly as ports are.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const RETRY_INTERVAL_MS = 100;

export type Claim = { release(): void };

/**
 * Takes a machine-wide name for as long as this process lives or until released.
 * @returns the claim, or undefined when somebody holds it
 */
export function tryClaim(name: string): Promise<Claim | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0firstcome:${name}`, () => resolve({ release: () => server.close() }));
  });
}

/**
 * Waits for a claim that somebody else holds.
 * @returns the claim, or undefined when it was not free within the limit
 */
export async function awaitClaim(name: string, limitMs: number): Promise<Claim | undefined> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const claim = await tryClaim(name);
    if (claim !== undefined || performance.now() > deadline) return claim;
    await delay(RETRY_INTERVAL_MS);
  }
}
