// Speaking HTTP as a client would: JSON in, JSON out, nothing hidden.
import { randomName } from '../random-name.ts';

export type Answer = {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
  body: any;
};

/** One request; an object is sent as JSON, a text as it is. */
export async function call(
  method: string,
  url: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body, headers } = options;
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** A coupon that anybody may have now; fields that are given replace the usual ones. */
export function couponBody(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    title: '선착순 커피 쿠폰 ☕',
    quantity: 10,
    startDate: '2026-01-01T00:00:00Z',
    endDate: '2099-12-31T23:59:59+09:00',
    ...fields,
  };
}

/** Asks for a coupon, by a key of its own unless `headers` name one. */
export function askForCoupon(
  commandApi: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const key = { 'Idempotency-Key': randomName('coupon-') };
  return call('POST', `${commandApi}/coupons`, { body, headers: { ...key, ...headers } });
}

/** Creates a coupon. @returns its id */
export async function createCoupon(
  commandApi: string,
  fields: Record<string, unknown> = {},
): Promise<string> {
  const answer = await askForCoupon(commandApi, couponBody(fields));
  if (answer.status !== 201) throw new Error(`coupon not created: ${JSON.stringify(answer.body)}`);
  return answer.body.id;
}

/** Asks for one unit. */
export function assign(
  commandApi: string,
  couponId: string,
  userId: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call('POST', `${commandApi}/coupons/${couponId}/assign`, { body: { userId }, headers });
}
