import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { RequestKey } from '../../../domain/commands.ts';
import { heldBy } from '../../../domain/coupon.ts';
import type { CouponEvent } from '../../../domain/coupon-events.ts';
import { confirm, reserve } from '../../../domain/decisions/reserve-and-confirm.ts';
import { initialState, type WriteModelState } from '../../../domain/decisions/write-model-state.ts';
import { stateInRedis, stateOf } from '../command-api/coupon-state.ts';
import { createRebuildSystem, DAY, type RebuildSystem } from './rebuild-system.ts';

const USERS = ['ann', '김민수 🎉', "o'neil/1,2|{x}"];
const KEYS = ['k1', 'k{2}|,/'];

type Step =
  | { do: 'create'; coupon: number; quantity: number; perUserLimit: number }
  | { do: 'assign'; coupon: number; userId: string; key: RequestKey | null }
  /** The oldest of what waits reaches the log; `confirmed`: and it is confirmed in Redis. */
  | { do: 'emit'; count: number; partition: number; confirmed: boolean; twice: boolean }
  /** What an older epoch decided and never emitted reaches the log after all. */
  | { do: 'emit late'; partition: number }
  | { do: 'rebuild'; wiped: boolean };

const coupon = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      coupon,
      quantity: fc.integer({ min: 0, max: 9 }),
      perUserLimit: fc.integer({ min: 1, max: 3 }),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('assign' as const),
      coupon,
      userId: fc.constantFrom(...USERS),
      key: fc.option(
        fc.record({
          idempotencyKey: fc.constantFrom(...KEYS),
          requestHash: fc.constantFrom('h1', 'h2'),
        }),
      ),
    }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('emit' as const),
      count: fc.integer({ min: 1, max: 3 }),
      partition: fc.nat(2),
      confirmed: fc.boolean(),
      twice: fc.boolean(),
    }),
    weight: 7,
  },
  {
    arbitrary: fc.record({ do: fc.constant('emit late' as const), partition: fc.nat(2) }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ do: fc.constant('rebuild' as const), wiped: fc.boolean() }),
    weight: 1,
  },
);

describe('A rebuild after any history', () => {
  let system: RebuildSystem;
  before(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  it('leaves exactly what the log says, whatever was asked, emitted, lost or late', async function () {
    this.timeout(240_000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const history = await startHistory(system);
        for (const one of steps) await history.take(one);
        await history.take({ do: 'rebuild', wiped: true });
      }),
      { numRuns: 8, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
    );
  });
});

/** Two new coupons, what becomes of them in Redis, and what the log therefore says. */
async function startHistory(system: RebuildSystem) {
  const { writeModel, redis, keys } = system;
  let { epoch } = await system.rebuild();
  const coupons = [0, 1].map(() => ({ couponId: randomUUID(), state: initialState() }));
  /** Decided in this epoch, not in the log yet. */
  let waiting: CouponEvent[] = [];
  /** Decided in an epoch that is over, and never in the log. */
  let left: CouponEvent[] = [];

  const couponAt = (index: number) => {
    const found = coupons[index];
    if (found === undefined) throw new Error(`no coupon ${index}`);
    return found;
  };

  const create = async (taken: Step & { do: 'create' }): Promise<void> => {
    const nowMs = Date.now();
    const outcome = await writeModel.create(
      {
        couponId: couponAt(taken.coupon).couponId,
        title: '커피 쿠폰 ☕',
        quantity: taken.quantity,
        perUserLimit: taken.perUserLimit,
        startDate: nowMs - DAY,
        endDate: nowMs + DAY,
        key: { idempotencyKey: 'create', requestHash: 'h' },
      },
      epoch,
    );
    if (outcome.kind === 'accepted') waiting.push(outcome.event);
  };

  const assign = async ({ coupon, userId, key }: Step & { do: 'assign' }): Promise<void> => {
    const { couponId } = couponAt(coupon);
    const command = { couponId, assignmentId: randomUUID(), userId, key };
    const outcome = await writeModel.assign(command, epoch);
    if (outcome.kind === 'accepted') waiting.push(outcome.event);
  };

  const emit = async (taken: Step & { do: 'emit' }): Promise<void> => {
    const emitted = waiting.slice(0, taken.count);
    waiting = waiting.slice(taken.count);
    await system.append(emitted, taken.partition);
    if (taken.twice) await system.append(emitted, (taken.partition + 1) % 3);
    for (const event of emitted) {
      const { state } = coupons.find(({ couponId }) => couponId === event.couponId) ?? couponAt(0);
      reserve(state, event);
      // After a rebuild nobody knows who was answered: all of the last minute count as unanswered.
      confirm(state, event.eventId);
      // An assignment is decided on a confirmed coupon only (docs/guarantees.md P4).
      if (!taken.confirmed && event.type === 'CouponAssigned') continue;
      const isCreation = event.type === 'CouponCreated';
      const { kind } = await writeModel.confirm({
        couponId: event.couponId,
        epoch: event.epoch,
        creationId: isCreation ? event.eventId : null,
        eventIds: [event.eventId],
      });
      expect(kind).to.equal('confirmed');
    }
  };

  const emitLate = async ({ partition }: Step & { do: 'emit late' }): Promise<void> => {
    await system.append(left, partition);
    left = [];
  };

  const rebuild = async ({ wiped }: Step & { do: 'rebuild' }): Promise<void> => {
    if (wiped) await system.wipe();
    epoch = (await system.rebuild()).epoch;
    left = [...left, ...waiting];
    waiting = [];
    for (const { couponId, state } of coupons) {
      expectHonest(state);
      const actual = await stateInRedis(redis, keys, couponId, KEYS);
      expect({ ...actual, keys: ofEpoch(actual.keys, epoch) }).to.deep.equal(
        stateOf(state, couponId, epoch),
      );
      const isKnown = await redis.sismember(keys.coupons, couponId);
      expect(isKnown, 'known to the relay').to.equal(state.coupon.created === null ? 0 : 1);
    }
  };

  return {
    take: (taken: Step): Promise<void> => {
      switch (taken.do) {
        case 'create':
          return create(taken);
        case 'assign':
          return assign(taken);
        case 'emit':
          return emit(taken);
        case 'emit late':
          return emitLate(taken);
        case 'rebuild':
          return rebuild(taken);
      }
    },
  };
}

/** Keys of older epochs may stay until they expire: no script takes them for its own. */
function ofEpoch(records: Record<string, string>, epoch: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(records).filter(([, record]) => record.startsWith(`${epoch}|`)),
  );
}

/** What no history may lead to: too many, a number given twice, a user over the limit. */
function expectHonest({ coupon }: WriteModelState): void {
  const assignments = [...coupon.assignments.values()].flat();
  const sequences = assignments.map(({ sequence }) => sequence);
  expect(new Set(sequences).size).to.equal(sequences.length);
  expect(assignments.length).to.be.at.most(coupon.created?.quantity ?? 0);
  for (const userId of coupon.assignments.keys()) {
    const held = heldBy(coupon, userId);
    expect(held.length).to.be.at.most(coupon.created?.perUserLimit ?? 0);
    expect(new Set(held.map(({ nthOfUser }) => nthOfUser)).size).to.equal(held.length);
  }
}
