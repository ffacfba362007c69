import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `condition` gives something other than undefined or false, and gives that.
 * @throws Error with `what` when it does not within `timeoutMs`
 */
export async function waitUntil<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await pause(20);
  }
}
