// Remembers which confirmed assignments their callers were answered with. Until then each is unanswered:
// whoever asks again without a key gets it, not a refusal (confirm.lua, commands/assignment/assign-coupon.lua).
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';

/**
 * The event was written to a caller whose connection was open. Never fails: where it is not remembered,
 * who asks again gets the same true answer once more.
 */
export type MarkAnswered = (couponId: string, eventId: string) => void;

/**
 * Marks all answers of one turn of the event loop with one command for each coupon, before the callers can ask
 * for anything else over this connection to Redis. Outside of the scripts and their epochs: it takes and gives
 * nothing, and what a caller was told stays told.
 */
export function createMarkAnswered(redis: Redis, keys: RedisKeys, logger: Logger): MarkAnswered {
  let answered = new Map<string, string[]>();
  const markAll = (): void => {
    const byCoupon = answered;
    answered = new Map();
    for (const [couponId, eventIds] of byCoupon) {
      redis.srem(keys.unanswered(couponId), ...eventIds).catch((error: unknown) => {
        const fields = { couponId, events: eventIds.length, reason: messageOf(error) };
        logger.debug(fields, 'answers that stay marked as unanswered');
      });
    }
  };
  return (couponId, eventId) => {
    if (answered.size === 0) setImmediate(markAll);
    const eventIds = answered.get(couponId);
    if (eventIds === undefined) answered.set(couponId, [eventId]);
    else eventIds.push(eventId);
  };
}
