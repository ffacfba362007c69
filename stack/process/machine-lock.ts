// Locks are abstract Unix sockets: taken or not in one step, released by the kernel when their owner
// dies in any way, and scoped to the network namespace exactly as ports are.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const RETRY_INTERVAL_MS = 100;

export type MachineLock = { release(): void };

/**
 * Locks a machine-wide name for as long as this process lives or until released.
 * @returns the lock, or undefined when another process holds it
 */
export function tryMachineLock(name: string): Promise<MachineLock | undefined> {
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
 * Waits for a lock that another process holds.
 * @returns the lock, or undefined when it was not free within the limit
 */
export async function awaitMachineLock(
  name: string,
  limitMs: number,
): Promise<MachineLock | undefined> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const lock = await tryMachineLock(name);
    if (lock !== undefined || performance.now() > deadline) return lock;
    await delay(RETRY_INTERVAL_MS);
  }
}
