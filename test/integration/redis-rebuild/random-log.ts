// Random histories straight into the log: several epochs, fenced events, repeats, any partition.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { recordNameOf } from '../../../contracts/event-record.ts';
import { destinationOf, EVENT_TOPICS, type EventTopic } from '../../../contracts/topics.ts';
import type {
  CouponAssigned,
  CouponCreated,
  CouponEvent,
  LogEvent,
} from '../../../domain/coupon-events.ts';
import { claimEpoch } from '../../support/system/epoch.ts';
import { DAY, type RebuildSystem } from './rebuild-system.ts';

const USERS = ['ann', '김민수 🎉', "o'neil/1,2|{x}"];
const COUPONS = 3;

export type Deed =
  | { do: 'create'; coupon: number; partition: number; keyed: boolean; title: string }
  /** `older`: so many epochs before the newest, as far as there were that many. */
  | { do: 'assign'; coupon: number; partition: number; user: number; keyed: boolean; older: number }
  | { do: 'repeat'; which: number; partition: number }
  /** A new epoch, marked in each partition that `skips` does not name. */
  | { do: 'epoch'; skips: number[] };

const coupon = fc.nat(COUPONS - 1);
const partition = fc.nat(2);
const keyed = fc.boolean();
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('create' as const), coupon, partition, keyed },
      title: fc.constantFrom('커피 쿠폰 ☕', '👩‍👩‍👧‍👦🎟️ "}{\\', 'plain'),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('assign' as const), coupon, partition, keyed },
      user: fc.nat(USERS.length - 1),
      older: fc.constantFrom(0, 0, 0, 1, 2),
    }),
    weight: 12,
  },
  {
    arbitrary: fc.record({ do: fc.constant('repeat' as const), which: fc.nat(), partition }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('epoch' as const),
      skips: fc.subarray([0, 1, 2, 3, 4, 5], { maxLength: 2 }),
    }),
    weight: 2,
  },
);

/** Deeds with the moments, counted in deeds, at which a snapshot is taken. */
export const anyHistory: fc.Arbitrary<{ deeds: Deed[]; snapshots: number[] }> = fc
  .array(deed, { minLength: 20, maxLength: 80 })
  .chain((deeds) =>
    fc.record({
      deeds: fc.constant(deeds),
      snapshots: fc.uniqueArray(fc.nat(deeds.length - 1), { minLength: 1, maxLength: 3 }),
    }),
  );

/** Carries deeds out on coupons of their own; `epochs`: those that were opened before, oldest first. */
export function createRandomLog(system: RebuildSystem, epochs: number[]) {
  const { events } = system;
  const ids = Array.from({ length: COUPONS }, () => randomUUID());
  const done: CouponEvent[] = [];
  const created = new Set<string>();
  const held = new Map<string, number>();
  let waiting: { topic: EventTopic; partition: number; value: Buffer }[] = [];

  const put = (topic: EventTopic, at: number, event: LogEvent): void => {
    const value = events.codec.encode(topic, recordNameOf(event), event);
    waiting.push({ topic, partition: at, value });
  };
  const putNew = (event: CouponEvent, at: number): void => {
    done.push(event);
    put(destinationOf(event).topic, at, event);
  };
  const couponId = (index: number): string => ids[index] ?? '';
  const key = (isKeyed: boolean) =>
    isKeyed
      ? { idempotencyKey: `k-${randomUUID()}`, requestHash: 'h|1' }
      : { idempotencyKey: null, requestHash: null };
  const epochBefore = (older: number): number => epochs.at(-1 - older) ?? epochs[0] ?? 0;

  const create = (taken: Deed & { do: 'create' }): void => {
    const id = couponId(taken.coupon);
    if (created.has(id)) return;
    created.add(id);
    const nowMs = Date.now();
    const event: CouponCreated = {
      ...{ type: 'CouponCreated', eventId: id, couponId: id, epoch: epochBefore(0) },
      ...{ occurredAt: nowMs, ...key(taken.keyed), title: taken.title, quantity: 100 },
      ...{ startDate: nowMs - DAY, endDate: nowMs + DAY, perUserLimit: 50 },
    };
    putNew(event, taken.partition);
  };

  const assign = (taken: Deed & { do: 'assign' }): void => {
    const id = couponId(taken.coupon);
    const userId = USERS[taken.user] ?? '';
    const nthOfUser = (held.get(id + userId) ?? 0) + 1;
    held.set(id + userId, nthOfUser);
    const assignmentId = randomUUID();
    const event: CouponAssigned = {
      ...{ type: 'CouponAssigned', eventId: assignmentId, assignmentId, couponId: id },
      ...{ epoch: epochBefore(taken.older), occurredAt: Date.now() - taken.user * 50_000 },
      ...{ ...key(taken.keyed), userId, sequence: done.length + 1, nthOfUser },
    };
    putNew(event, taken.partition);
  };

  const openEpoch = async ({ skips }: Deed & { do: 'epoch' }): Promise<void> => {
    const epoch = await claimEpoch(events);
    epochs.push(epoch);
    EVENT_TOPICS.forEach((topic, index) => {
      for (const at of [0, 1, 2]) {
        if (skips.includes(index * 3 + at)) continue;
        put(topic, at, {
          type: 'EpochStarted',
          eventId: randomUUID(),
          epoch,
          occurredAt: Date.now(),
        });
      }
    });
  };

  return {
    /** Until `flush` it is not in the log. */
    take: async (taken: Deed): Promise<void> => {
      switch (taken.do) {
        case 'create':
          return create(taken);
        case 'assign':
          return assign(taken);
        case 'repeat': {
          const again = done[taken.which % Math.max(1, done.length)];
          if (again !== undefined) put(destinationOf(again).topic, taken.partition, again);
          return;
        }
        case 'epoch':
          return openEpoch(taken);
      }
    },
    /** @returns how many records went into the log */
    flush: async (): Promise<number> => {
      const flushed = waiting;
      waiting = [];
      await system.appendAt(flushed);
      return flushed.length;
    },
  };
}
