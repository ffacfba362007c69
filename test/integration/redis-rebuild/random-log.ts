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

/** Carries deeds out on coupons of its own; `epochs`: those that were opened before, oldest first. */
export class RandomLog {
  readonly #system: RebuildSystem;
  readonly #epochs: number[];
  readonly #ids = Array.from({ length: COUPONS }, () => randomUUID());
  readonly #done: CouponEvent[] = [];
  readonly #created = new Set<string>();
  readonly #held = new Map<string, number>();
  #waiting: { topic: EventTopic; partition: number; value: Buffer }[] = [];

  constructor(system: RebuildSystem, epochs: number[]) {
    this.#system = system;
    this.#epochs = epochs;
  }

  /** Carries one deed out. Until `flush` nothing of it is in the log, except claims. */
  async take(taken: Deed): Promise<void> {
    switch (taken.do) {
      case 'create':
        return this.#create(taken);
      case 'assign':
        return this.#assign(taken);
      case 'repeat': {
        const again = this.#done[taken.which % Math.max(1, this.#done.length)];
        if (again !== undefined) this.#put(destinationOf(again).topic, taken.partition, again);
        return;
      }
      case 'epoch':
        return this.#openEpoch(taken);
    }
  }

  /** @returns how many records went into the log */
  async flush(): Promise<number> {
    const flushed = this.#waiting;
    this.#waiting = [];
    await this.#system.appendAt(flushed);
    return flushed.length;
  }

  #create(taken: Deed & { do: 'create' }): void {
    const id = this.#couponId(taken.coupon);
    if (this.#created.has(id)) return;
    this.#created.add(id);
    const nowMs = Date.now();
    const event: CouponCreated = {
      ...{ type: 'CouponCreated', eventId: id, couponId: id, epoch: this.#epochBefore(0) },
      ...{ occurredAt: nowMs, ...keyOf(taken.keyed), title: taken.title, quantity: 100 },
      ...{ startDate: nowMs - DAY, endDate: nowMs + DAY, perUserLimit: 50 },
    };
    this.#putNew(event, taken.partition);
  }

  #assign(taken: Deed & { do: 'assign' }): void {
    const id = this.#couponId(taken.coupon);
    const userId = USERS[taken.user] ?? '';
    const nthOfUser = (this.#held.get(id + userId) ?? 0) + 1;
    this.#held.set(id + userId, nthOfUser);
    const assignmentId = randomUUID();
    const event: CouponAssigned = {
      ...{ type: 'CouponAssigned', eventId: assignmentId, assignmentId, couponId: id },
      ...{ epoch: this.#epochBefore(taken.older), occurredAt: Date.now() - taken.user * 50_000 },
      ...{ ...keyOf(taken.keyed), userId, sequence: this.#done.length + 1, nthOfUser },
    };
    this.#putNew(event, taken.partition);
  }

  async #openEpoch({ skips }: Deed & { do: 'epoch' }): Promise<void> {
    const epoch = await claimEpoch(this.#system.events);
    this.#epochs.push(epoch);
    EVENT_TOPICS.forEach((topic, index) => {
      for (const at of [0, 1, 2]) {
        if (skips.includes(index * 3 + at)) continue;
        const eventId = randomUUID();
        this.#put(topic, at, { type: 'EpochStarted', eventId, epoch, occurredAt: Date.now() });
      }
    });
  }

  #putNew(event: CouponEvent, at: number): void {
    this.#done.push(event);
    this.#put(destinationOf(event).topic, at, event);
  }

  #put(topic: EventTopic, at: number, event: LogEvent): void {
    const value = this.#system.events.codec.encode(topic, recordNameOf(event), event);
    this.#waiting.push({ topic, partition: at, value });
  }

  #couponId(index: number): string {
    return this.#ids[index] ?? '';
  }

  /** `older` epochs before the newest, as far as there were that many. */
  #epochBefore(older: number): number {
    return this.#epochs.at(-1 - older) ?? this.#epochs[0] ?? 0;
  }
}

function keyOf(isKeyed: boolean) {
  return isKeyed
    ? { idempotencyKey: `k-${randomUUID()}`, requestHash: 'h|1' }
    : { idempotencyKey: null, requestHash: null };
}
