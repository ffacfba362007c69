// Which id a new coupon gets.
import { createHash } from 'node:crypto';

/**
 * The id of the coupon that a request with this key creates: the same key, the same coupon, with no
 * second place in Redis to remember it by. A UUID of version 8 (RFC 9562, made from a hash).
 */
export function couponIdFor(idempotencyKey: string): string {
  const bytes = createHash('sha256')
    .update(`firstcome coupon ${idempotencyKey}`)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
