// One process' worth of the command API on real parts, without HTTP: several of them can share a
// system, as several processes do.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type CommandApi, openCommandApi } from '../../../command-api/app.ts';
import {
  type Assigned,
  type AssignRefusal,
  assignCoupon,
} from '../../../command-api/commands/assignment/assign-coupon.ts';
import { createDecide } from '../../../command-api/commands/command-definition.ts';
import {
  type Created,
  type CreateRefusal,
  createCoupon,
} from '../../../command-api/commands/coupon/create-coupon.ts';
import { type Answer, isConfirmed } from '../../../command-api/commands/handle-command.ts';
import type { CommandApiSettings } from '../../../command-api/settings.ts';
import { createMarkAnswered } from '../../../command-api/write-model/answered.ts';
import type { AssignCoupon, CreateCoupon } from '../../../domain/commands.ts';
import type { CouponAssigned, CouponEvent } from '../../../domain/coupon-events.ts';
import type { Assumption } from '../../../platform/assumptions.ts';
import { openAdmin } from '../../../platform/kafka/admin.ts';
import { createLifecycle } from '../../../platform/lifecycle.ts';
import { createFaultyKafka, type FaultyKafka } from '../../support/faults/faulty-kafka.ts';
import { keyed } from '../../support/fixtures/sample-events.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { connectRedis } from '../../support/system/redis.ts';
import type { EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type CouponState, stateInRedis } from './coupon-state.ts';

const DAY_MS = 24 * 3_600_000;

export type AssignAnswer = Answer<Assigned, AssignRefusal>;

export type CommandNode = Pick<CommandApi, 'app' | 'commands' | 'gate' | 'publisher' | 'keys'> & {
  redis: Redis;
  /** The links of this process to the brokers. */
  links: FaultyKafka;
  /** Creates a coupon through this node. @returns its id */
  create(fields?: Partial<CreateCoupon>): Promise<string>;
  /** Asks this node for a coupon. */
  askToCreate(command: CreateCoupon): Promise<Answer<Created, CreateRefusal>>;
  /** Asks this node for a unit, as 'ann' when nobody else is named, and is told of it. */
  ask(couponId: string, fields?: Partial<AssignCoupon>): Promise<AssignAnswer>;
  /** Decides as a process that dies before it could emit what it decided. */
  decideAndDie(couponId: string, fields?: Partial<AssignCoupon>): Promise<CouponAssigned>;
  createAndDie(command: CreateCoupon): Promise<CouponEvent>;
  /** What Redis holds of a coupon. */
  stateOf(couponId: string): Promise<CouponState>;
  startRelay(settings?: Partial<CommandApiSettings['relay']>): ReturnType<CommandApi['startRelay']>;
  close(): Promise<void>;
};

/** A coupon of 10 units, one for each user, that runs from yesterday to tomorrow. */
export function newCoupon(fields: Partial<CreateCoupon> = {}): CreateCoupon {
  return {
    couponId: randomUUID(),
    title: '커피',
    quantity: 10,
    startDate: Date.now() - DAY_MS,
    endDate: Date.now() + DAY_MS,
    perUserLimit: 1,
    key: keyed('created'),
    ...fields,
  };
}

function newAssignment(couponId: string, fields: Partial<AssignCoupon> = {}): AssignCoupon {
  return { couponId, assignmentId: randomUUID(), userId: 'ann', key: null, ...fields };
}

/** Opens a node in this system, whose epoch must be open; its gate is open when it is given. */
export async function openCommandNode(
  system: EventSystem,
  options: {
    redisUrl: string;
    answerTimeoutMs?: number;
    sendTimeoutMs?: number;
    assumptions?: readonly Assumption[];
  },
): Promise<CommandNode> {
  const logger = silentLogger();
  const lifecycle = createLifecycle(logger);
  const links = await createFaultyKafka();
  lifecycle.opened('links', () => links.close());
  const redis = await connectRedis(options.redisUrl);
  lifecycle.opened('Redis', async () => redis.disconnect());
  const kafka = links.createClient();
  const admin = await openAdmin(kafka);
  lifecycle.opened('Kafka admin', () => admin.close());
  const api = await openCommandApi(
    settingsOf(system, options),
    {
      ...{ redis, kafka, admin, createProducerClient: links.createClient, codec: system.codec },
      assumptions: options.assumptions ?? [],
    },
    { logger, lifecycle },
  );
  const { app, gate, keys, commands, publisher, decideBy } = api;
  const markAnswered = createMarkAnswered(redis, keys, logger);
  const decideCreation = createDecide(createCoupon, decideBy);
  const decideAssignment = createDecide(assignCoupon, decideBy);
  const openEpoch = (): number => {
    const state = gate.state();
    if (state.kind === 'closed') throw new Error(state.reason);
    return state.epoch;
  };
  await waitUntil('the gate is open', () => gate.state().kind === 'open');
  const askToCreate = (command: CreateCoupon) => commands.createCoupon(command, null);
  return {
    ...{ app, commands, gate, publisher, keys, redis, links, askToCreate },
    create: async (fields) => {
      const command = newCoupon(fields);
      const answer = await askToCreate(command);
      if (answer.kind !== 'created') throw new Error(answer.kind);
      return command.couponId;
    },
    ask: async (couponId, fields) => {
      const answer = await commands.assignCoupon(newAssignment(couponId, fields), null);
      if (!isConfirmed(answer)) return answer;
      markAnswered(couponId, answer.eventId);
      // It is sent before whatever the caller sends next.
      await new Promise(setImmediate);
      return answer;
    },
    decideAndDie: async (couponId, fields) => {
      const outcome = await decideAssignment(newAssignment(couponId, fields), openEpoch());
      if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
      return outcome.event as CouponAssigned;
    },
    createAndDie: async (command) => {
      const outcome = await decideCreation(command, openEpoch());
      if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
      return outcome.event;
    },
    stateOf: (couponId) => stateInRedis(redis, keys, couponId, []),
    startRelay: ({ intervalMs = 20, minAgeMs = 0 } = {}) =>
      api.startRelay({ intervalMs, minAgeMs }),
    close: async () => {
      links.mend();
      const { failed } = await lifecycle.close();
      if (failed.length > 0) throw new Error(`not closed: ${failed.join(', ')}`);
    },
  };
}

function settingsOf(
  { topicPrefix }: EventSystem,
  options: { answerTimeoutMs?: number; sendTimeoutMs?: number },
): CommandApiSettings {
  return {
    http: { host: '127.0.0.1', port: 0, maxBodyBytes: 16_384 },
    ...{ topicPrefix, redisKeyPrefix: topicPrefix, queryApiUrl: 'http://127.0.0.1' },
    answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
    sendTimeoutMs: options.sendTimeoutMs ?? 2_000,
    ...{ maxWaiting: 5_000, maxBatch: 500, maxOutboxAgeMs: 3_600_000, idempotencyTtlMs: DAY_MS },
    relay: { intervalMs: 1_000, minAgeMs: 2_000 },
  };
}
