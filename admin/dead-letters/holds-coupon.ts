// Which dead letters are of one coupon: those whose event can be read and names it.
import { createValueDecoder } from '../schemas/decode-value.ts';
import type { RegistryApi } from '../schemas/registry-api.ts';

/**
 * Tells of a record's value whether it is an event of this coupon; what can't be read is none.
 * @throws (the function) AppError REGISTRY_UNAVAILABLE (retriable)
 */
export function holdsCoupon(
  couponId: string,
  registry: RegistryApi,
): (value: Buffer | null) => Promise<boolean> {
  const decode = createValueDecoder(registry);
  return async (value) => {
    if (value === null) return false;
    const decoded = await decode(value);
    return decoded.kind === 'event' && decoded.event.couponId === couponId;
  };
}
