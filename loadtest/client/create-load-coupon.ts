// The coupon that a rush is about.
import { randomUUID } from 'node:crypto';
import { pause } from '../../platform/backoff.ts';
import { messageOf } from '../../platform/errors.ts';

const RETRY_MS = 200;
const GIVE_UP_MS = 30_000;
const TIMEOUT_MS = 10_000;

/**
 * Creates a coupon of `quantity` units that runs now, `perUserLimit` (1) for each user; asks again,
 * with the same key, while the service is not there or says 503.
 * @returns its id
 * @throws Error with the service's answer, when it refuses or stays away for 30 s
 */
export async function createLoadCoupon({
  commandApiUrl,
  quantity,
  perUserLimit = 1,
  signal,
}: {
  commandApiUrl: string;
  quantity: number;
  perUserLimit?: number;
  signal: AbortSignal;
}): Promise<string> {
  const key = randomUUID();
  // Redis' clock decides, and may be another than ours.
  const body = JSON.stringify({
    title: `${quantity.toLocaleString('en')}장 선착순 쿠폰`,
    quantity,
    startDate: new Date(Date.now() - 3_600_000).toISOString(),
    endDate: new Date(Date.now() + 86_400_000).toISOString(),
    perUserLimit,
  });
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    const { status, text } = await post(`${commandApiUrl}/coupons`, key, body);
    if (status === 201) return String((JSON.parse(text) as { id?: unknown }).id);
    const isHopeless = status !== null && status !== 503;
    if (isHopeless || performance.now() > deadline || signal.aborted) {
      throw new Error(`the coupon could not be created: ${status ?? ''} ${text}`);
    }
    await pause(RETRY_MS, signal);
  }
}

async function post(
  url: string,
  key: string,
  body: string,
): Promise<{ status: number | null; text: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: null, text: messageOf(error) };
  }
}
