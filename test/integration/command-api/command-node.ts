// One process' worth of the command API on real parts, without HTTP: several of them can share a
// system, as several processes do.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  type AssignAnswer,
  assignCoupon,
} from '../../../command-api/commands/assignment/assign-coupon.ts';
import { createCoupon } from '../../../command-api/commands/coupon/create-coupon.ts';
import type { Desk } from '../../../command-api/commands/handle-command.ts';
import { createGate } from '../../../command-api/gate/gate.ts';
import { createNewestClaim } from '../../../command-api/gate/newest-claim.ts';
import { createCommandMetrics } from '../../../command-api/metrics.ts';
import { createLogWriter } from '../../../command-api/outbox/log-writer.ts';
import { createLastLook } from '../../../command-api/outbox/master-check.ts';
import { createPublisher } from '../../../command-api/outbox/publisher.ts';
import { createSetAside } from '../../../command-api/outbox/quarantine.ts';
import { type Relay, startRelay } from '../../../command-api/outbox/relay.ts';
import { createWriteModel } from '../../../command-api/write-model/write-model.ts';
import { createRedisKeys, type RedisKeys } from '../../../contracts/redis-keys.ts';
import { EPOCHS_TOPIC } from '../../../contracts/topics.ts';
import type { AssignCoupon, CreateCoupon } from '../../../domain/commands.ts';
import type { CouponAssigned } from '../../../domain/coupon-events.ts';
import { createTopicEndsReader } from '../../../platform/kafka/end-offsets.ts';
import { createFaultyKafka, type FaultyKafka } from '../../support/faults/faulty-kafka.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { connectRedis } from '../../support/system/redis.ts';
import type { EventSystem } from '../../support/system/topics.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type CouponState, stateInRedis } from './coupon-state.ts';

const DAY_MS = 24 * 3_600_000;

export type CommandNode = {
  desk: Desk;
  redis: Redis;
  keys: RedisKeys;
  /** The links of this process to the brokers. */
  links: FaultyKafka;
  /** Creates a coupon through this node. @returns its id */
  create(fields?: Partial<CreateCoupon>): Promise<string>;
  /** Asks this node for a unit, as 'ann' when nobody else is named. */
  ask(couponId: string, fields?: Partial<AssignCoupon>): Promise<AssignAnswer>;
  /** Decides as a process that dies before it could emit what it decided. */
  decideAndDie(couponId: string, fields?: Partial<AssignCoupon>): Promise<CouponAssigned>;
  /** What Redis holds of a coupon. */
  stateOf(couponId: string): Promise<CouponState>;
  startRelay(settings?: { intervalMs?: number; minAgeMs?: number }): Relay;
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
    key: null,
    ...fields,
  };
}

function newAssignment(couponId: string, fields: Partial<AssignCoupon> = {}): AssignCoupon {
  return { couponId, assignmentId: randomUUID(), userId: 'ann', key: null, ...fields };
}

/** Opens an node in this system, whose epoch must be open; its gate is open when it is given. */
export async function openCommandNode(
  system: EventSystem,
  options: { redisUrl: string; answerTimeoutMs?: number; sendTimeoutMs?: number },
): Promise<CommandNode> {
  const logger = silentLogger();
  const metrics = createCommandMetrics();
  const keys = createRedisKeys(system.topicPrefix);
  const links = await createFaultyKafka();
  const redis = await connectRedis(options.redisUrl);
  const { kafka } = links.createClient();
  const admin = kafka.admin();
  await admin.connect();
  const newestClaim = createNewestClaim(
    createTopicEndsReader(admin, `${system.topicPrefix}${EPOCHS_TOPIC}`, 10_000),
  );
  const gate = createGate({ redis, keys, newestClaim, logger });
  const writer = await createLogWriter({
    createClient: links.createClient,
    codec: system.codec,
    topicPrefix: system.topicPrefix,
    lastOpen: gate.lastOpen,
    sendTimeoutMs: options.sendTimeoutMs ?? 20_000,
    logger,
  });
  const writeModel = createWriteModel({
    redis,
    keys,
    maxOutboxAgeMs: 3_600_000,
    idempotencyTtlMs: DAY_MS,
  });
  const publisher = createPublisher({
    writer,
    newestClaim,
    lastLook: createLastLook(redis, gate),
    writeModel,
    setAside: createSetAside({
      ...{ redis, keys, kafka, metrics, logger },
      topicPrefix: system.topicPrefix,
    }),
    answerTimeoutMs: options.answerTimeoutMs ?? 60_000,
    maxBatch: 500,
    metrics,
    logger,
  });
  const desk: Desk = {
    gate,
    publisher,
    writeModel,
    newAssignmentId: randomUUID,
    endOf: async () => [],
    load: { max: 5_000, current: 0 },
  };
  const relays: Relay[] = [];
  await waitUntil('the gate is open', () => gate.state().kind === 'open');
  return {
    desk,
    redis,
    keys,
    links,
    create: async (fields) => {
      const command = newCoupon(fields);
      const answer = await createCoupon(desk, command, null);
      if (answer.kind !== 'created') throw new Error(answer.kind);
      return command.couponId;
    },
    ask: (couponId, fields) => assignCoupon(desk, newAssignment(couponId, fields), null),
    decideAndDie: async (couponId, fields) => {
      const state = gate.state();
      if (state.kind === 'closed') throw new Error(state.reason);
      const outcome = await writeModel.assign(newAssignment(couponId, fields), state.epoch);
      if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
      return outcome.event;
    },
    stateOf: (couponId) => stateInRedis(redis, keys, couponId, []),
    startRelay: ({ intervalMs = 20, minAgeMs = 0 } = {}) => {
      const relay = startRelay({
        ...{ redis, keys, gate, publisher, metrics, logger },
        ...{ intervalMs, minAgeMs },
      });
      relays.push(relay);
      return relay;
    },
    close: async () => {
      links.mend();
      for (const relay of relays) await relay.close();
      await publisher.drained(30_000);
      await writer.close();
      await gate.close();
      redis.disconnect();
      await admin.disconnect();
      await links.close();
    },
  };
}
