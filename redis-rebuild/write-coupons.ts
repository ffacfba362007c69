// Writes the folded coupons to Redis, exactly as the scripts of command-api would have left them: nothing
// in the outboxes, and nothing pending.

import type { RedisKeys } from '../contracts/redis-keys.ts';
import { type Coupon, remainingOf } from '../domain/coupon.ts';
import type { CouponAssigned, CouponCreated } from '../domain/coupon-events.ts';
import { closeCoupons, type LockedRedis } from './close-coupons.ts';
import type { LogFold } from './fold/fold.ts';
import type { Step } from './lock.ts';

/** Assignments in one step, and steps that run at once. */
const ASSIGNMENTS_AT_ONCE = 500;
const STEPS_AT_ONCE = 8;
const REPORT_EVERY_MS = 1_000;

/** An assignment made this shortly before the log ends counts as unanswered: its caller may not know of it. */
const UNANSWERED_MS = 60_000;

export type WrittenState = {
  coupons: number;
  assignments: number;
  /** Ids that have assignments but no creation in the log: they can't be written. */
  uncreated: string[];
};

type Write = { step: Step; keys: string[]; args: (string | number)[]; assignments: number };
type Times = { epoch: number; nowMs: number; unansweredSince: number; idempotencyTtlMs: number };

/**
 * Writes every coupon in the place of its closing marker, and removes the markers of coupons that the
 * log does not know.
 * @param closed ids of the coupons that have a closing marker already
 * @param times `nowMs`: Redis' clock; `idempotencyTtlMs`: how long a key lives from its assignment on
 * @throws AppError EPOCH_CLOSED when the lock, the master or the epoch is lost, REDIS_UNAVAILABLE
 */
export async function writeCoupons(
  locked: LockedRedis,
  folded: LogFold,
  closed: ReadonlySet<string>,
  times: { epoch: number; nowMs: number; idempotencyTtlMs: number },
  report: (line: string) => void,
): Promise<WrittenState> {
  const { keys, lock } = locked;
  const { epoch } = times;
  const created = [...folded.coupons].filter(([, coupon]) => coupon.created !== null);
  const missing = created.map(([id]) => id).filter((id) => !closed.has(id));
  await closeCoupons(locked, epoch, missing);

  const known = new Set(created.map(([id]) => id));
  const unknownIds = [...closed].filter((id) => !known.has(id));
  const unansweredSince = folded.lastAssignedAt - UNANSWERED_MS;
  const writes = allWrites(keys, created, unknownIds, { ...times, unansweredSince });
  let assignments = 0;
  let reportedMs = performance.now();
  await runConcurrently(writes, async (write) => {
    await lock.run(write.step, epoch, write.keys, write.args);
    assignments += write.assignments;
    if (performance.now() - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = performance.now();
    report(`wrote ${assignments} assignments`);
  });
  const uncreated = [...folded.coupons].filter(([, coupon]) => coupon.created === null);
  return { coupons: created.length, assignments, uncreated: uncreated.map(([id]) => id) };
}

function* allWrites(
  keys: RedisKeys,
  created: readonly [string, Coupon][],
  unknownIds: readonly string[],
  times: Times,
): Generator<Write> {
  for (const [couponId, coupon] of created) {
    yield* assignmentWrites(keys, couponId, coupon, times);
    if (coupon.created !== null) yield couponWrite(keys, coupon, coupon.created, times);
  }
  for (const couponId of unknownIds) {
    const touched = [keys.coupon(couponId), keys.coupons];
    yield { step: 'drop-coupon', keys: touched, args: [couponId], assignments: 0 };
  }
}

function* assignmentWrites(
  keys: RedisKeys,
  couponId: string,
  coupon: Coupon,
  times: Times,
): Generator<Write> {
  let chunk: [string, CouponAssigned[]][] = [];
  let size = 0;
  for (const [userId, held] of coupon.assignments) {
    chunk.push([userId, held]);
    size += held.length;
    if (size < ASSIGNMENTS_AT_ONCE) continue;
    yield toWrite(keys, couponId, chunk, times);
    chunk = [];
    size = 0;
  }
  if (chunk.length > 0) yield toWrite(keys, couponId, chunk, times);
}

function toWrite(
  keys: RedisKeys,
  couponId: string,
  chunk: readonly [string, CouponAssigned[]][],
  { epoch, nowMs, unansweredSince, idempotencyTtlMs }: Times,
): Write {
  const holders: string[] = [];
  const unanswered: string[] = [];
  const names: string[] = [];
  const records: (string | number)[] = [];
  let assignments = 0;
  for (const [userId, held] of chunk) {
    assignments += held.length;
    holders.push(userId, held.map(pack).join(','));
    for (const assignment of held) {
      const { idempotencyKey, requestHash, occurredAt, assignmentId } = assignment;
      if (occurredAt >= unansweredSince) unanswered.push(assignmentId);
      const leftMs = occurredAt + idempotencyTtlMs - nowMs;
      if (idempotencyKey === null || leftMs <= 0) continue;
      names.push(keys.idempotency(couponId, idempotencyKey));
      records.push(`${epoch}|${requestHash}|${pack(assignment)}`, leftMs);
    }
  }
  return {
    step: 'write-assignments',
    keys: [keys.coupon(couponId), keys.holders(couponId), keys.unanswered(couponId), ...names],
    args: [holders.length, ...holders, ...records, ...unanswered],
    assignments,
  };
}

// The last write of its coupon: it replaces the closing marker, and without that no step writes.
function couponWrite(
  keys: RedisKeys,
  coupon: Coupon,
  created: CouponCreated,
  { epoch }: Times,
): Write {
  const fields = {
    epoch,
    title: created.title,
    quantity: created.quantity,
    remaining: remainingOf(coupon),
    lastSequence: coupon.lastSequence,
    startDate: created.startDate,
    endDate: created.endDate,
    perUserLimit: created.perUserLimit,
    createdAt: created.occurredAt,
    requestHash: created.requestHash ?? '',
  };
  return {
    step: 'write-coupon',
    keys: [keys.coupon(created.couponId), keys.coupons],
    args: [created.couponId, ...Object.entries(fields).flat()],
    assignments: 0,
  };
}

function pack({ assignmentId, sequence, occurredAt, nthOfUser }: CouponAssigned): string {
  return `${assignmentId}/${sequence}/${occurredAt}/${nthOfUser}`;
}

// The writes are sent in order, on one connection: a coupon's last one is its last in Redis too.
async function runConcurrently(
  writes: Generator<Write>,
  run: (write: Write) => Promise<void>,
): Promise<void> {
  let failed = false;
  const work = async (): Promise<void> => {
    for (const write of writes) {
      try {
        await run(write);
      } catch (error) {
        failed = true;
        throw error;
      }
      if (failed) return;
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: STEPS_AT_ONCE }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
