// From the last answer until the read side shows everything that was accepted.
import { pause } from '../../platform/backoff.ts';

const POLL_MS = 20;

export type Arrival =
  /** `seconds` since `since`. */
  { kind: 'arrived'; seconds: number } | { kind: 'late'; issued: number | null };

/**
 * Asks the query API until it has issued at least `accepted` units of the coupon; at most `waitMs`.
 * @param options.since when the last answer came, by performance.now()
 */
export async function awaitProjection(options: {
  queryApiUrl: string;
  couponId: string;
  accepted: number;
  since: number;
  waitMs: number;
  signal: AbortSignal;
}): Promise<Arrival> {
  const deadline = performance.now() + options.waitMs;
  for (;;) {
    const issued = await readIssued(`${options.queryApiUrl}/coupons/${options.couponId}`);
    if (issued !== null && issued >= options.accepted) {
      return { kind: 'arrived', seconds: (performance.now() - options.since) / 1_000 };
    }
    if (performance.now() > deadline || options.signal.aborted) return { kind: 'late', issued };
    await pause(POLL_MS, options.signal);
  }
}

/** null: no answer, or not one that says it. */
async function readIssued(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const { issued } = (await response.json()) as { issued?: unknown };
    return response.ok && typeof issued === 'number' ? issued : null;
  } catch {
    return null;
  }
}
