// Waiting longer after each failure.
import { setTimeout as wait } from 'node:timers/promises';

export type Backoff = { firstMs: number; factor: number; maxMs: number };

/** The wait before try number `attempt` (0 = after the first failure), in milliseconds. */
export function backoffMs({ firstMs, factor, maxMs }: Backoff, attempt: number): number {
  return Math.min(maxMs, firstMs * factor ** attempt);
}

/** Waits so long, or until `signal` aborts, whichever is first; never throws. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
