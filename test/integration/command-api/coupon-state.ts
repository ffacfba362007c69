// One coupon as Redis holds it, whole, and as the executable specification says that it must be.
import type { Redis } from 'ioredis';
import { parseOutboxEvent } from '../../../command-api/write-model/script-reply.ts';
import type { RedisKeys } from '../../../contracts/redis-keys.ts';
import { remainingOf } from '../../../domain/coupon.ts';
import type { CouponAssigned, CouponEvent } from '../../../domain/coupon-events.ts';
import type { WriteModelState } from '../../../domain/decisions/write-model-state.ts';

export type CouponState = {
  /** The coupon's hash; empty when there is none. */
  coupon: Record<string, string>;
  holders: Record<string, string>;
  /** Event id -> when it was decided. */
  outbox: Record<string, number>;
  outboxEvents: Record<string, CouponEvent>;
  unanswered: string[];
  /** Idempotency key -> its record, of those that were asked for. */
  keys: Record<string, string>;
};

/** Everything under this coupon's keys; of idempotency keys, those in `idempotencyKeys`. */
export async function stateInRedis(
  redis: Redis,
  keys: RedisKeys,
  couponId: string,
  idempotencyKeys: readonly string[],
): Promise<CouponState> {
  const [coupon, holders, outbox, outboxEvents, unanswered, ...records] = await Promise.all([
    redis.hgetall(keys.coupon(couponId)),
    redis.hgetall(keys.holders(couponId)),
    redis.zrange(keys.outbox(couponId), '0', '-1'),
    redis.hgetall(keys.outboxEvents(couponId)),
    redis.smembers(keys.unanswered(couponId)),
    ...idempotencyKeys.map((key) => redis.get(keys.idempotency(couponId, key))),
  ]);
  const scores = await Promise.all(outbox.map((id) => redis.zscore(keys.outbox(couponId), id)));
  return {
    coupon,
    holders,
    outbox: Object.fromEntries(outbox.map((id, index) => [id, Number(scores[index])])),
    outboxEvents: Object.fromEntries(
      Object.entries(outboxEvents).map(([id, json]) => [id, parseOutboxEvent(json)]),
    ),
    unanswered: unanswered.sort(),
    keys: Object.fromEntries(
      idempotencyKeys.flatMap((key, index) => {
        const record = records[index];
        return record == null ? [] : [[key, record]];
      }),
    ),
  };
}

/** What `stateInRedis` has to give for this state of the specification, in this epoch. */
export function stateOf(state: WriteModelState, couponId: string, epoch: number): CouponState {
  const pending = state.outbox.get(couponId);
  const created =
    state.coupon.created ?? (pending?.type === 'CouponCreated' ? pending : undefined) ?? null;
  const waiting = [...state.outbox.values()];
  const assignments = [...state.coupon.assignments.values()].flat();
  return {
    coupon:
      created === null
        ? {}
        : {
            epoch: `${epoch}`,
            title: created.title,
            quantity: `${created.quantity}`,
            remaining: `${state.coupon.created === null ? created.quantity : remainingOf(state.coupon)}`,
            lastSequence: `${state.coupon.lastSequence}`,
            startDate: `${created.startDate}`,
            endDate: `${created.endDate}`,
            perUserLimit: `${created.perUserLimit}`,
            createdAt: `${created.occurredAt}`,
            requestHash: created.requestHash ?? '',
            ...(state.coupon.created === null ? { pendingCreation: '1' } : {}),
          },
    holders: Object.fromEntries(
      [...state.coupon.assignments].map(([userId, held]) => [userId, held.map(packed).join(',')]),
    ),
    outbox: Object.fromEntries(
      waiting
        .filter(({ eventId }) => !state.quarantined.has(eventId))
        .map(({ eventId, occurredAt }) => [eventId, occurredAt]),
    ),
    outboxEvents: Object.fromEntries(waiting.map((event) => [event.eventId, event])),
    unanswered: [...state.unanswered].sort(),
    keys: Object.fromEntries(
      assignments.flatMap((assignment) =>
        assignment.idempotencyKey === null
          ? []
          : [
              [
                assignment.idempotencyKey,
                `${epoch}|${assignment.requestHash}|${packed(assignment)}`,
              ],
            ],
      ),
    ),
  };
}

function packed({ assignmentId, sequence, occurredAt, nthOfUser }: CouponAssigned): string {
  return `${assignmentId}/${sequence}/${occurredAt}/${nthOfUser}`;
}
