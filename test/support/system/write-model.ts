// The write model's scripts as typed calls, without gate, log and HTTP.
import type { Redis } from 'ioredis';
import {
  type AssignOutcome,
  assignCoupon,
} from '../../../command-api/commands/assignment/assign-coupon.ts';
import { createDecide } from '../../../command-api/commands/command-definition.ts';
import {
  type CreateOutcome,
  createCoupon,
} from '../../../command-api/commands/coupon/create-coupon.ts';
import { createMarkAnswered } from '../../../command-api/write-model/answered.ts';
import { type Confirm, createConfirm } from '../../../command-api/write-model/confirm.ts';
import { createScriptRunner } from '../../../command-api/write-model/run-script.ts';
import type { RedisKeys } from '../../../contracts/redis-keys.ts';
import type { AssignCoupon, CreateCoupon } from '../../../domain/commands.ts';
import type { CouponAssigned, CouponCreated } from '../../../domain/coupon-events.ts';
import type { Logger } from '../../../platform/logger.ts';
import { silentLogger } from '../silent-logger.ts';

/** An outcome whose accepted event is known to be of one type. */
type WithEvent<Outcome extends { kind: string }, Event> =
  | Exclude<Outcome, { kind: 'accepted' }>
  | (Extract<Outcome, { kind: 'accepted' }> & { event: Event });

export type WriteModel = {
  create(command: CreateCoupon, epoch: number): Promise<WithEvent<CreateOutcome, CouponCreated>>;
  assign(command: AssignCoupon, epoch: number): Promise<WithEvent<AssignOutcome, CouponAssigned>>;
  confirm: Confirm;
  /** Resolves when it is on its way to Redis, before whatever is sent next. */
  markAnswered(couponId: string, eventId: string): Promise<void>;
  /** Quarantines in Redis alone: nothing goes to the log. @returns the script's outcome */
  quarantine(couponId: string, eventId: string, epoch: number): Promise<string>;
};

/** The write model in this Redis, with these limits in ms. */
export function createWriteModel(parts: {
  redis: Redis;
  keys: RedisKeys;
  maxOutboxAgeMs: number;
  idempotencyTtlMs: number;
  logger?: Logger;
}): WriteModel {
  const { redis, keys, maxOutboxAgeMs, idempotencyTtlMs, logger = silentLogger() } = parts;
  const openScript = createScriptRunner({ redis, keys, onClosed: () => undefined, logger });
  const decideBy = { openScript, keys, maxOutboxAgeMs, idempotencyTtlMs };
  const markAnswered = createMarkAnswered(redis, keys, logger);
  const quarantine = openScript(
    new URL('../../../command-api/outbox/quarantine.lua', import.meta.url),
  );
  return {
    create: createDecide(createCoupon, decideBy) as WriteModel['create'],
    assign: createDecide(assignCoupon, decideBy) as WriteModel['assign'],
    confirm: createConfirm(openScript, keys),
    markAnswered: (couponId, eventId) => {
      markAnswered(couponId, eventId);
      return new Promise((resolve) => setImmediate(resolve));
    },
    quarantine: async (couponId, eventId, epoch) => {
      const reply = await quarantine({ couponId, epoch }, { keys: [], args: [eventId] });
      return reply === 'closed' ? reply : reply.kind;
    },
  };
}
