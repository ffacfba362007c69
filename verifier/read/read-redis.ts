// Redis as facts: gate, coupons, holders, outboxes. Reads in steps that don't hold Redis up.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import type { RedisAssignment, RedisCoupon, RedisCouponState, RedisFacts } from '../facts.ts';

/** Coupons that are read at the same time, and fields of a holders hash in one step. */
const COUPONS_AT_ONCE = 16;
const HOLDERS_AT_ONCE = 2_000;
/** A coupon that changes while it is read is read again so often. */
const MAX_READINGS = 5;

/** Redis' clock, in milliseconds since 1970. */
export async function readClock(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

/** The ids of every coupon that the relay looks after, or the one that is asked for. */
export async function readCouponIds(
  redis: Redis,
  keys: RedisKeys,
  couponId: string | null,
): Promise<string[]> {
  if (couponId === null) return redis.smembers(keys.coupons);
  return (await redis.sismember(keys.coupons, couponId)) === 1 ? [couponId] : [];
}

/** The gate's epoch; null when there is no gate. */
export async function readGateEpoch(redis: Redis, keys: RedisKeys): Promise<number | null> {
  const epoch = await redis.hget(keys.gate, 'epoch');
  return epoch === null ? null : Number(epoch);
}

/** Gate and coupons: all, or only the one with `couponId`. */
export async function readRedis(
  redis: Redis,
  keys: RedisKeys,
  couponId: string | null,
): Promise<Pick<RedisFacts, 'gateEpoch' | 'coupons'>> {
  const gateEpoch = await readGateEpoch(redis, keys);
  const ids = await readCouponIds(redis, keys, couponId);
  const coupons = new Map<string, RedisCoupon>();
  const waiting = ids.values();
  const work = async (): Promise<void> => {
    for (const id of waiting) coupons.set(id, await readCoupon(redis, keys, id));
  };
  await Promise.all(Array.from({ length: COUPONS_AT_ONCE }, work));
  return { gateEpoch, coupons };
}

async function readCoupon(redis: Redis, keys: RedisKeys, couponId: string): Promise<RedisCoupon> {
  let before = await redis.hgetall(keys.coupon(couponId));
  for (let reading = 1; ; reading += 1) {
    const holders = await readHolders(redis, keys.holders(couponId));
    const decided = await redis.hkeys(keys.outboxEvents(couponId));
    // After the holders: one that is still waiting there is then either here, or in the log by now.
    const outbox = toOutbox(await redis.zrange(keys.outbox(couponId), 0, '-1', 'WITHSCORES'));
    const quarantined = await readQuarantined(redis, keys.outboxEvents(couponId), decided, outbox);
    const after = await redis.hgetall(keys.coupon(couponId));
    const steady =
      before.remaining === after.remaining && before.lastSequence === after.lastSequence;
    if (steady || reading === MAX_READINGS) {
      return { state: toState(after), holders, outbox, quarantined, steady };
    }
    before = after;
  }
}

// Decided before and after the outbox was read, and not in it: not on its way out meanwhile.
async function readQuarantined(
  redis: Redis,
  key: string,
  decidedBefore: readonly string[],
  outbox: RedisCoupon['outbox'],
): Promise<string[]> {
  const waiting = new Set(outbox.map(({ eventId }) => eventId));
  const candidates = decidedBefore.filter((eventId) => !waiting.has(eventId));
  if (candidates.length === 0) return [];
  const events = await redis.hmget(key, ...candidates);
  return candidates.filter((_, index) => events[index] !== null);
}

async function readHolders(redis: Redis, key: string): Promise<Map<string, RedisAssignment[]>> {
  const holders = new Map<string, RedisAssignment[]>();
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(key, cursor, 'COUNT', HOLDERS_AT_ONCE);
    for (let i = 0; i + 1 < fields.length; i += 2) {
      holders.set(fields[i] ?? '', (fields[i + 1] ?? '').split(',').map(toHeld));
    }
    cursor = next;
  } while (cursor !== '0');
  return holders;
}

function toHeld(packed: string): RedisAssignment {
  const [assignmentId = '', sequence, assignedAt, nthOfUser] = packed.split('/');
  return {
    assignmentId,
    sequence: Number(sequence),
    assignedAt: Number(assignedAt),
    nthOfUser: nthOfUser === undefined ? null : Number(nthOfUser),
  };
}

function toOutbox(withScores: string[]): RedisCoupon['outbox'] {
  const outbox: RedisCoupon['outbox'] = [];
  for (let i = 0; i + 1 < withScores.length; i += 2) {
    outbox.push({ eventId: withScores[i] ?? '', decidedAt: Number(withScores[i + 1]) });
  }
  return outbox;
}

function toState(hash: Record<string, string>): RedisCouponState | null {
  // None at all, or one that a rebuild has closed and not written yet.
  if (hash.quantity === undefined) return null;
  const number = (field: string): number => Number(hash[field] ?? Number.NaN);
  return {
    epoch: number('epoch'),
    title: hash.title ?? '',
    quantity: number('quantity'),
    remaining: number('remaining'),
    lastSequence: number('lastSequence'),
    startDate: number('startDate'),
    endDate: number('endDate'),
    perUserLimit: number('perUserLimit'),
    createdAt: number('createdAt'),
    pendingCreation: hash.pendingCreation !== undefined,
  };
}
