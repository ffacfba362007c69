import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import type {
  AssignedUnit,
  AssignOutcome,
} from '../../../command-api/commands/assignment/assign-coupon.ts';
import type { CreateOutcome } from '../../../command-api/commands/coupon/create-coupon.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import type { AssignCoupon, CreateCoupon, RequestKey } from '../../../domain/commands.ts';
import type { CouponAssigned, CouponEvent } from '../../../domain/coupon-events.ts';
import { type AssignDecision, decideAssign } from '../../../domain/decisions/assign-coupon.ts';
import { type CreateDecision, decideCreate } from '../../../domain/decisions/create-coupon.ts';
import { quarantine } from '../../../domain/decisions/quarantine.ts';
import { confirm, markAnswered, reserve } from '../../../domain/decisions/reserve-and-confirm.ts';
import {
  type DecisionFacts,
  initialState,
  type WriteModelState,
} from '../../../domain/decisions/write-model-state.ts';
import { randomName } from '../../support/random-name.ts';
import { connectRedis, deleteKeysWith, keysWith } from '../../support/system/redis.ts';
import { createWriteModel, type WriteModel } from '../../support/system/write-model.ts';
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
      key: RequestKey;
    }
  | { do: 'assign'; coupon: number; userId: string; key: RequestKey | null }
  /** Confirms events by their place among all that were ever decided; `told`: and a caller is answered. */
  | { do: 'confirm'; coupon: number; picks: { event: number; told: boolean }[] }
  | { do: 'confirm all'; coupon: number; told: boolean }
  /** The log refuses an event, by its place among all that were ever decided. */
  | { do: 'quarantine'; coupon: number; event: number }
  /** Time goes by: what else would make a test wait for days. */
  | { do: 'move the window'; coupon: number; window: Window };

const coupon = fc.nat(1);
const window = fc.constantFrom<Window>('running', 'running', 'running', 'not started', 'over');
const hash = fc.constantFrom('h1', 'h2');
const keyed = (keys: string[]) =>
  fc.record({ idempotencyKey: fc.constantFrom(...keys), requestHash: hash });
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
  key: fc.option(keyed(KEYS)),
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
const quarantineOne = fc.record({
  do: fc.constant('quarantine' as const),
  coupon,
  event: fc.nat(15),
});
const moveWindow = fc.record({ do: fc.constant('move the window' as const), coupon, window });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: create, weight: 2 },
  { arbitrary: assign, weight: 9 },
  { arbitrary: confirmSome, weight: 3 },
  { arbitrary: confirmAll, weight: 2 },
  { arbitrary: quarantineOne, weight: 1 },
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
  let nowMs: number;

  before(async () => {
    redis = await connectRedis();
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
          ...{ redis, keys, writeModel, nowMs, maxOutboxAgeMs, seen },
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
      'quarantine closed',
      'quarantine quarantined',
    ]);
  });
});

/** The same steps through Redis and through the model. */
function createSystem(options: {
  redis: Redis;
  keys: RedisKeys;
  writeModel: WriteModel;
  nowMs: number;
  maxOutboxAgeMs: number;
  seen: Set<string>;
}) {
  const { redis, keys, writeModel, maxOutboxAgeMs, seen } = options;
  const coupons = [0, 1].map(() => ({
    couponId: randomUUID(),
    state: initialState(),
    /** Ids of every event that was ever decided, in that order. */
    decided: [] as string[],
  }));
  let clockMs = options.nowMs;

  const windowOf = (window: Window) => {
    const shift = { running: 0, 'not started': 2 * DAY, over: -2 * DAY }[window];
    return { startDate: options.nowMs - DAY + shift, endDate: options.nowMs + DAY + shift };
  };
  /** The facts of a decision: at the time that Redis said, or any time not before the last one. */
  const factsAt = (occurredAt: number | undefined): DecisionFacts => {
    clockMs = Math.max(clockMs, occurredAt ?? 0);
    return { nowMs: occurredAt ?? clockMs, epoch: EPOCH, maxOutboxAgeMs };
  };
  const couponAt = (index: number) => {
    const found = coupons[index];
    if (found === undefined) throw new Error(`no coupon ${index}`);
    return found;
  };

  const confirmIn = async (index: number, answered: string[], unanswered: string[]) => {
    const { couponId, state } = couponAt(index);
    if (answered.length + unanswered.length === 0) return;
    const exists = state.coupon.created !== null || state.outbox.has(couponId);
    const eventIds = [...answered, ...unanswered];
    const creationId = eventIds.includes(couponId) ? couponId : null;
    const reply = await writeModel.confirm({ couponId, epoch: EPOCH, creationId, eventIds });
    seen.add(`confirm ${reply.kind}`);
    expect(reply.kind).to.equal(exists ? 'confirmed' : 'closed');
    if (!exists) return;
    for (const id of eventIds) confirm(state, id);
    for (const id of answered) {
      await writeModel.markAnswered(couponId, id);
      markAnswered(state, id);
    }
  };

  const create = async (step: Step & { do: 'create' }): Promise<void> => {
    const { couponId, state, decided } = couponAt(step.coupon);
    const { title, quantity, perUserLimit, key } = step;
    const command: CreateCoupon = {
      ...{ couponId, title, quantity, perUserLimit, key },
      ...windowOf(step.window),
    };
    const outcome = await writeModel.create(command, EPOCH);
    seen.add(`create ${nameOf(outcome)}`);
    const facts = factsAt(outcome.kind === 'accepted' ? outcome.event.occurredAt : undefined);
    const decision = decideCreate(state, command, facts);
    expect(outcome).to.deep.equal(toCreateOutcome(decision));
    if (decision.kind !== 'accepted') return;
    reserve(state, decision.event);
    decided.push(decision.event.eventId);
  };

  const assign = async (step: Step & { do: 'assign' }): Promise<void> => {
    const { couponId, state, decided } = couponAt(step.coupon);
    const { userId, key } = step;
    const command: AssignCoupon = { couponId, assignmentId: randomUUID(), userId, key };
    const outcome = await writeModel.assign(command, EPOCH);
    seen.add(`assign ${nameOf(outcome)}`);
    const facts = factsAt(outcome.kind === 'accepted' ? outcome.event.occurredAt : undefined);
    const decision = decideAssign(state, command, facts);
    expect(outcome).to.deep.equal(toAssignOutcome(decision, state));
    if (decision.kind !== 'accepted') return;
    reserve(state, decision.event);
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
    const { state } = couponAt(step.coupon);
    // An id that nobody decided: confirming what is not there changes nothing.
    const ids = state.outbox.size === 0 ? [randomUUID()] : [...state.outbox.keys()];
    return step.told ? confirmIn(step.coupon, ids, []) : confirmIn(step.coupon, [], ids);
  };

  const quarantineIn = async (step: Step & { do: 'quarantine' }): Promise<void> => {
    const { couponId, state, decided } = couponAt(step.coupon);
    const eventId = decided[step.event] ?? randomUUID();
    const exists = state.coupon.created !== null || state.outbox.has(couponId);
    const outcome = await writeModel.quarantine(couponId, eventId, EPOCH);
    seen.add(`quarantine ${outcome}`);
    expect(outcome).to.equal(exists ? 'quarantined' : 'closed');
    quarantine(state, eventId);
  };

  const moveWindow = async (step: Step & { do: 'move the window' }): Promise<void> => {
    const { couponId, state } = couponAt(step.coupon);
    const { created } = state.coupon;
    if (created === null) return;
    const moved = windowOf(step.window);
    state.coupon.created = { ...created, ...moved };
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
      case 'quarantine':
        return quarantineIn(step);
      case 'move the window':
        return moveWindow(step);
    }
  };

  return {
    take,
    compareStates: async () => {
      for (const { couponId, state } of coupons) {
        const actual = await stateInRedis(redis, keys, couponId, KEYS);
        expect(actual).to.deep.equal(stateOf(state, couponId, EPOCH));
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

function nameOf(outcome: CreateOutcome | AssignOutcome): string {
  return outcome.kind === 'refused' ? outcome.refusal.kind : outcome.kind;
}

function toCreateOutcome(decision: CreateDecision): CreateOutcome {
  switch (decision.kind) {
    case 'accepted':
    case 'repeat': {
      const { event } = decision;
      const success = { kind: 'created' as const, createdAt: event.occurredAt };
      return toOutcome(decision, success);
    }
    default:
      return { kind: 'refused', refusal: decision, waiting: [] };
  }
}

function toAssignOutcome(decision: AssignDecision, state: WriteModelState): AssignOutcome {
  switch (decision.kind) {
    case 'accepted':
    case 'repeat': {
      const success = { kind: 'assigned' as const, assignment: toUnit(decision.event) };
      return toOutcome(decision, success);
    }
    case 'limit-reached': {
      const { kind, held } = decision;
      const waiting = held.filter(({ eventId }) => state.outbox.has(eventId));
      return { kind: 'refused', refusal: { kind, held: held.map(toUnit) }, waiting };
    }
    case 'overloaded':
      return decision;
    default:
      return { kind: 'refused', refusal: decision, waiting: [] };
  }
}

function toOutcome<Success>(
  decision:
    | { kind: 'accepted'; event: CouponEvent }
    | { kind: 'repeat'; event: CouponEvent; pending: boolean },
  success: Success,
) {
  const { kind, event } = decision;
  if (kind === 'accepted') return { kind, event, success };
  const { eventId } = event;
  return { kind, eventId, waiting: decision.pending ? event : null, success };
}

function toUnit({ assignmentId, sequence, occurredAt }: CouponAssigned): AssignedUnit {
  return { assignmentId, sequence, assignedAt: occurredAt };
}
