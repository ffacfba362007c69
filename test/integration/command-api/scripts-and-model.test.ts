import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import {
  type AssignOutcome,
  type CreateOutcome,
  createWriteModel,
  type HeldAssignment,
  type WriteModel,
} from '../../../command-api/write-model/write-model.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import type { AssignCoupon, CreateCoupon, RequestKey } from '../../../domain/commands.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import {
  type AssignDecision,
  type CouponDesk,
  type CreateDecision,
  confirm,
  decideAssign,
  decideCreate,
  type Facts,
  initialDesk,
  reserve,
  setAside,
} from '../../../domain/decide.ts';
import { createScript, type Script } from '../../../platform/redis.ts';
import { randomName } from '../../support/random-name.ts';
import { connectRedis, deleteKeysWith, keysWith } from '../../support/system/redis.ts';
import { stateInRedis, stateOf } from './coupon-state.ts';

const EPOCH = 7;
const DAY = 24 * 3_600_000;
const USERS = ['ann', '김민수 🎉', 'o\'neil/1,2|{x}"'];
const KEYS = ['k1', 'k{2}|,/'];
const TITLES = ['커피 쿠폰 ☕', '"}{\\', "'e\u0301'", '𝒳 %s %.0f'];
const AGES = { patient: 3_600_000, impatient: -1 };

type Window = 'running' | 'not started' | 'over';
type Step =
  | {
      do: 'create';
      coupon: number;
      title: string;
      quantity: number;
      perUserLimit: number;
      window: Window;
      key: RequestKey | null;
    }
  | { do: 'assign'; coupon: number; userId: string; key: RequestKey | null }
  /** Confirms events by their place among all that were ever decided; `told`: a caller waits. */
  | { do: 'confirm'; coupon: number; picks: { event: number; told: boolean }[] }
  | { do: 'confirm all'; coupon: number; told: boolean }
  /** The log refuses an event, by its place among all that were ever decided. */
  | { do: 'set aside'; coupon: number; event: number }
  /** Time goes by: what else would make a test wait for days. */
  | { do: 'move the window'; coupon: number; window: Window };

const coupon = fc.nat(1);
const window = fc.constantFrom<Window>('running', 'running', 'running', 'not started', 'over');
const hash = fc.constantFrom('h1', 'h2');
const keyed = (keys: string[]) =>
  fc.option(fc.record({ idempotencyKey: fc.constantFrom(...keys), requestHash: hash }));
const create = fc.record({
  do: fc.constant('create' as const),
  coupon,
  title: fc.constantFrom(...TITLES),
  quantity: fc.constantFrom(0, 1, 2, 3, 5, 9),
  perUserLimit: fc.integer({ min: 1, max: 3 }),
  window,
  key: keyed(['create']),
});
const assign = fc.record({
  do: fc.constant('assign' as const),
  coupon,
  userId: fc.constantFrom(...USERS),
  key: keyed(KEYS),
});
const confirmSome = fc.record({
  do: fc.constant('confirm' as const),
  coupon,
  picks: fc.uniqueArray(fc.record({ event: fc.nat(15), told: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ event }) => event,
  }),
});
const confirmAll = fc.record({
  do: fc.constant('confirm all' as const),
  coupon,
  told: fc.boolean(),
});
const setAsideOne = fc.record({
  do: fc.constant('set aside' as const),
  coupon,
  event: fc.nat(15),
});
const moveWindow = fc.record({ do: fc.constant('move the window' as const), coupon, window });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: create, weight: 2 },
  { arbitrary: assign, weight: 9 },
  { arbitrary: confirmSome, weight: 3 },
  { arbitrary: confirmAll, weight: 2 },
  { arbitrary: setAsideOne, weight: 1 },
  { arbitrary: moveWindow, weight: 1 },
);
/** Mostly begins with a coupon that can be used, so that there is something to decide on. */
const steps: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.option(create, { freq: 9 }),
    fc.boolean(),
    fc.array(step, { maxLength: 40, size: 'max' }),
  )
  .map(([first, told, rest]) =>
    first === null
      ? rest
      : [
          { ...first, coupon: 0, window: 'running' },
          { do: 'confirm all', coupon: 0, told },
          ...rest,
        ],
  );

describe('The scripts and the pure rules', () => {
  const prefix = randomName('scripts-');
  const seen = new Set<string>();
  const known = new Set<string>();
  let redis: Redis;
  let takeOut: Script;
  let nowMs: number;

  before(async () => {
    redis = await connectRedis();
    takeOut = createScript(
      redis,
      new URL('../../../command-api/outbox/quarantine.lua', import.meta.url),
    );
    nowMs = Number((await redis.time())[0]) * 1_000;
  });
  after(async () => {
    await deleteKeysWith(redis, prefix);
    redis.disconnect();
  });

  it('give the same answers and leave the same state, whatever is asked in whatever order', async function () {
    this.timeout(180_000);
    const patience = fc.constantFrom(AGES.patient, AGES.patient, AGES.impatient);
    await fc.assert(
      fc.asyncProperty(steps, patience, async (sequence, maxOutboxAgeMs) => {
        const keys = createRedisKeys(`${prefix}-${randomName('')}-`);
        await redis.hset(keys.gate, { epoch: EPOCH, replicationId: 'any' });
        const writeModel = createWriteModel({ redis, keys, maxOutboxAgeMs, idempotencyTtlMs: DAY });
        const system = createSystem({
          ...{ redis, keys, writeModel, takeOut, nowMs, maxOutboxAgeMs, seen },
        });
        for (const one of sequence) await system.take(one);
        await system.compareStates();
        for (const name of system.keyNames()) known.add(name);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
    );
  });

  it('write nothing beside the keys that are known', async () => {
    for (const name of await keysWith(redis, prefix)) expect(known).to.include(name);
  });

  it('have met every outcome on the way', () => {
    expect([...seen].sort()).to.deep.equal([
      'assign accepted',
      'assign coupon-not-found',
      'assign ended',
      'assign key-reused',
      'assign limit-reached',
      'assign not-started',
      'assign overloaded',
      'assign repeat',
      'assign sold-out',
      'confirm closed',
      'confirm confirmed',
      'create accepted',
      'create end-date-passed',
      'create key-reused',
      'create repeat',
      'set aside 0',
      'set aside 1',
    ]);
  });
});

/** The same steps through Redis and through the model. */
function createSystem(options: {
  redis: Redis;
  keys: RedisKeys;
  writeModel: WriteModel;
  /** set-aside.lua */
  takeOut: Script;
  nowMs: number;
  maxOutboxAgeMs: number;
  seen: Set<string>;
}) {
  const { redis, keys, writeModel, maxOutboxAgeMs, seen } = options;
  const coupons = [0, 1].map(() => ({
    couponId: randomUUID(),
    desk: initialDesk(),
    /** Ids of every event that was ever decided, in that order. */
    decided: [] as string[],
  }));
  let clockMs = options.nowMs;

  const windowOf = (window: Window) => {
    const shift = { running: 0, 'not started': 2 * DAY, over: -2 * DAY }[window];
    return { startDate: options.nowMs - DAY + shift, endDate: options.nowMs + DAY + shift };
  };
  /** The facts of a decision: at the time that Redis said, or any time not before the last one. */
  const factsAt = (occurredAt: number | undefined): Facts => {
    clockMs = Math.max(clockMs, occurredAt ?? 0);
    return { nowMs: occurredAt ?? clockMs, epoch: EPOCH, maxOutboxAgeMs };
  };
  const couponAt = (index: number) => {
    const found = coupons[index];
    if (found === undefined) throw new Error(`no coupon ${index}`);
    return found;
  };

  const confirmIn = async (index: number, answered: string[], untold: string[]) => {
    const { couponId, desk } = couponAt(index);
    if (answered.length + untold.length === 0) return;
    const exists = desk.coupon.created !== null || desk.outbox.has(couponId);
    const creationId = [...answered, ...untold].includes(couponId) ? couponId : null;
    const reply = await writeModel.confirm({
      couponId,
      epoch: EPOCH,
      creationId,
      answered,
      untold,
    });
    seen.add(`confirm ${reply.kind}`);
    expect(reply.kind).to.equal(exists ? 'confirmed' : 'closed');
    if (!exists) return;
    for (const id of answered) confirm(desk, id, true);
    for (const id of untold) confirm(desk, id, false);
  };

  const create = async (step: Step & { do: 'create' }): Promise<void> => {
    const { couponId, desk, decided } = couponAt(step.coupon);
    const { title, quantity, perUserLimit, key } = step;
    const command: CreateCoupon = {
      ...{ couponId, title, quantity, perUserLimit, key },
      ...windowOf(step.window),
    };
    const outcome = await writeModel.create(command, EPOCH);
    seen.add(`create ${outcome.kind}`);
    const facts = factsAt(outcome.kind === 'accepted' ? outcome.event.occurredAt : undefined);
    const decision = decideCreate(desk, command, facts);
    expect(outcome).to.deep.equal(toCreateOutcome(decision));
    if (decision.kind !== 'accepted') return;
    reserve(desk, decision.event);
    decided.push(decision.event.eventId);
  };

  const assign = async (step: Step & { do: 'assign' }): Promise<void> => {
    const { couponId, desk, decided } = couponAt(step.coupon);
    const { userId, key } = step;
    const command: AssignCoupon = { couponId, assignmentId: randomUUID(), userId, key };
    const outcome = await writeModel.assign(command, EPOCH);
    seen.add(`assign ${outcome.kind}`);
    const facts = factsAt(outcome.kind === 'accepted' ? outcome.event.occurredAt : undefined);
    const decision = decideAssign(desk, command, facts);
    expect(outcome).to.deep.equal(toAssignOutcome(decision, desk));
    if (decision.kind !== 'accepted') return;
    reserve(desk, decision.event);
    decided.push(decision.event.eventId);
  };

  const confirmSome = (step: Step & { do: 'confirm' }): Promise<void> => {
    const { decided } = couponAt(step.coupon);
    const idsThat = (told: boolean): string[] =>
      step.picks
        .filter((pick) => pick.told === told)
        .flatMap(({ event }) => decided.at(event % decided.length) ?? []);
    return confirmIn(step.coupon, idsThat(true), idsThat(false));
  };

  const confirmAll = (step: Step & { do: 'confirm all' }): Promise<void> => {
    const { desk } = couponAt(step.coupon);
    // An id that nobody decided: confirming what is not there changes nothing.
    const ids = desk.outbox.size === 0 ? [randomUUID()] : [...desk.outbox.keys()];
    return step.told ? confirmIn(step.coupon, ids, []) : confirmIn(step.coupon, [], ids);
  };

  const setAsideIn = async (step: Step & { do: 'set aside' }): Promise<void> => {
    const { couponId, desk, decided } = couponAt(step.coupon);
    const eventId = decided[step.event] ?? randomUUID();
    const exists = desk.coupon.created !== null || desk.outbox.has(couponId);
    const touched = [keys.gate, keys.coupon(couponId), keys.outbox(couponId)];
    const reply = await options.takeOut(touched, [EPOCH, eventId]);
    seen.add(`set aside ${reply}`);
    expect(reply).to.equal(exists ? 1 : 0);
    setAside(desk, eventId);
  };

  const moveWindow = async (step: Step & { do: 'move the window' }): Promise<void> => {
    const { couponId, desk } = couponAt(step.coupon);
    const { created } = desk.coupon;
    if (created === null) return;
    const moved = windowOf(step.window);
    desk.coupon.created = { ...created, ...moved };
    await redis.hset(keys.coupon(couponId), moved);
  };

  const take = (step: Step): Promise<void> => {
    switch (step.do) {
      case 'create':
        return create(step);
      case 'assign':
        return assign(step);
      case 'confirm':
        return confirmSome(step);
      case 'confirm all':
        return confirmAll(step);
      case 'set aside':
        return setAsideIn(step);
      case 'move the window':
        return moveWindow(step);
    }
  };

  return {
    take,
    compareStates: async () => {
      for (const { couponId, desk } of coupons) {
        const actual = await stateInRedis(redis, keys, couponId, KEYS);
        expect(actual).to.deep.equal(stateOf(desk, couponId, EPOCH));
        expect(Number(actual.coupon.remaining ?? 0)).to.be.at.least(0);
        const isKnown = await redis.sismember(keys.coupons, couponId);
        expect(isKnown, 'known to the relay').to.equal('epoch' in actual.coupon ? 1 : 0);
      }
    },
    keyNames: () => [
      keys.gate,
      keys.coupons,
      ...coupons.flatMap(({ couponId }) => [
        keys.coupon(couponId),
        keys.holders(couponId),
        keys.outbox(couponId),
        keys.outboxEvents(couponId),
        keys.unanswered(couponId),
        ...KEYS.map((key) => keys.idempotency(couponId, key)),
      ]),
    ],
  };
}

function toCreateOutcome(decision: CreateDecision): CreateOutcome {
  if (decision.kind !== 'repeat') return decision;
  const { event, pending } = decision;
  return { kind: 'repeat', createdAt: event.occurredAt, waiting: pending ? event : null };
}

function toAssignOutcome(decision: AssignDecision, desk: CouponDesk): AssignOutcome {
  switch (decision.kind) {
    case 'repeat': {
      const { event, pending } = decision;
      return { kind: 'repeat', assignment: toHeld(event), waiting: pending ? event : null };
    }
    case 'limit-reached': {
      const { held } = decision;
      return {
        kind: 'limit-reached',
        held: held.map(toHeld),
        waiting: held.filter(({ eventId }) => desk.outbox.has(eventId)),
      };
    }
    default:
      return decision;
  }
}

function toHeld({ assignmentId, sequence, occurredAt }: CouponAssigned): HeldAssignment {
  return { assignmentId, sequence, assignedAt: occurredAt };
}
