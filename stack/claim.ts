// Claims are abstract Unix sockets: taken or not in one step, given back by the kernel when their
// owner dies in any way, and scoped to the network namespace exactly as ports are.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

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
 * Waits for a claim held by another process.
 * @param onWait called once when the claim was not free at the first attempt
 */
export async function awaitClaim(name: string, onWait?: () => void): Promise<Claim> {
  for (let attempt = 0; ; attempt += 1) {
    const claim = await tryClaim(name);
    if (claim !== undefined) return claim;
    if (attempt === 0) onWait?.();
    await delay(200);
  }
}
