// The bytes of a request for one unit.

/** A whole HTTP request (ASCII, as the ids are) that asks for a unit of a coupon under a key. */
export function assignRequest(
  commandApiUrl: string,
  { couponId, userId, key }: { couponId: string; userId: string; key: string },
): string {
  const { host, pathname } = new URL(commandApiUrl);
  const path = `${pathname.replace(/\/$/, '')}/coupons/${couponId}/assign`;
  const body = JSON.stringify({ userId });
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nIdempotency-Key: ${key}\r\n\r\n${body}`;
}
