// Runs the Lua scripts of the command API on one coupon each, behind prelude.lua. Reports closed-epoch
// replies to the gate, and logs the errors of Redis.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { AppError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { createScript, replyErrorOf } from '../../platform/redis.ts';
import { parseReply, type ScriptReply } from './script-reply.ts';

/** What a script gets beside the keys and the argument that the prelude names. */
export type ScriptInput = { keys: readonly string[]; args: readonly (string | number)[] };

/** A coupon and the epoch in which a script is to run on it. */
export type CouponInEpoch = { couponId: string; epoch: number };

/**
 * Runs one script on a coupon. 'closed': the gate or the coupon is of another epoch, and nothing was
 * changed.
 * @throws AppError REDIS_REFUSED: nothing was changed; REDIS_UNAVAILABLE: the outcome is unknown (both
 * retriable); REPLY_UNKNOWN: no reply of a script
 */
type CouponScript = (coupon: CouponInEpoch, input: ScriptInput) => Promise<ScriptReply | 'closed'>;

/** Gives the script in a Lua file. */
export type ScriptRunner = (file: URL) => CouponScript;

const PRELUDE = new URL('./prelude.lua', import.meta.url);
/** An error of one kind is logged once in this time: every request may meet it. */
const QUIET_MS = 60_000;

/** A runner of scripts in this Redis; `onClosed` is called for each 'closed'. */
export function createScriptRunner(options: {
  redis: Redis;
  keys: RedisKeys;
  onClosed: (coupon: CouponInEpoch) => void;
  logger: Logger;
}): ScriptRunner {
  const { redis, keys, onClosed } = options;
  const logFailure = createFailureLog(options.logger);
  return (file) => {
    const script = createScript(redis, file, PRELUDE);
    return async (coupon, input) => {
      const { couponId, epoch } = coupon;
      const shared = [
        keys.gate,
        keys.coupon(couponId),
        keys.outbox(couponId),
        keys.outboxEvents(couponId),
      ];
      try {
        const reply = parseReply(await script([...shared, ...input.keys], [epoch, ...input.args]));
        if (reply.kind !== 'closed') return reply;
      } catch (error) {
        logFailure(error);
        throw error;
      }
      onClosed(coupon);
      return 'closed';
    };
  };
}

function createFailureLog(logger: Logger): (error: unknown) => void {
  const loggedAtMs = new Map<string, number>();
  return (error) => {
    if (!(error instanceof AppError)) return;
    const kind = replyErrorOf(error.cause);
    if (kind === null) return;
    const nowMs = performance.now();
    if (nowMs - (loggedAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    loggedAtMs.set(kind, nowMs);
    logger.error(
      { code: error.code, reason: error.message },
      'Redis answers scripts with an error',
    );
  };
}
