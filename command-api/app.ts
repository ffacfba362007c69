// Builds the command API out of its parts: what main.ts serves, and what tests use without HTTP.
import type { Express } from 'express';
import type { Redis } from 'ioredis';
import type { Position } from '../contracts/position.ts';
import { createRedisKeys, type RedisKeys } from '../contracts/redis-keys.ts';
import { ASSIGN_TOPIC, EPOCHS_TOPIC, EVENT_TOPICS, type EventTopic } from '../contracts/topics.ts';
import { createApp } from '../http/app.ts';
import { healthRoutes, unlessStopping, withAssumptions } from '../http/health.ts';
import type { ShedLoad } from '../http/server.ts';
import {
  ASSUMPTIONS_EVERY_MS,
  type Assumption,
  type AssumptionWatch,
  createAssumptionWatch,
} from '../platform/assumptions.ts';
import type { EventCodec } from '../platform/avro/event-codec.ts';
import type { KafkaAdmin } from '../platform/kafka/admin.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { createEndOffsetsReader } from '../platform/kafka/end-offsets.ts';
import { partitionOfKey } from '../platform/kafka/partitioner.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import {
  type CommandHandlers,
  createCommandHandlers,
  type DecidePart,
} from './commands/command-handlers.ts';
import type { CommandContext } from './commands/handle-command.ts';
import { createGate, type Gate } from './gate/gate.ts';
import { createNewestClaim } from './gate/newest-claim.ts';
import type { Rebuild } from './gate/rebuild-runner.ts';
import { commandRouter, commandRoutes } from './http/routes.ts';
import { createShedLoad } from './http/shed-load.ts';
import { createCommandMetrics } from './metrics.ts';
import { createAssignmentIds } from './outbox/assignment-ids.ts';
import { createLogWriter, type LogWriter } from './outbox/log-writer.ts';
import { createMasterCheck } from './outbox/master-check.ts';
import { createPublisher, type Publisher } from './outbox/publisher.ts';
import { createQuarantine } from './outbox/quarantine.ts';
import { type Relay, startRelay } from './outbox/relay.ts';
import { checkReadiness } from './readiness.ts';
import type { CommandApiSettings } from './settings.ts';
import { createMarkAnswered } from './write-model/answered.ts';
import { createConfirm } from './write-model/confirm.ts';
import { createScriptRunner } from './write-model/run-script.ts';

const LOOK_TIMEOUT_MS = 2_000;

/** What the command API is built on; connected, and closed by whoever connected it. */
export type CommandApiConnections = {
  redis: Redis;
  kafka: KafkaClient;
  admin: KafkaAdmin;
  /** A client for one producer of the log writer. */
  createProducerClient: () => KafkaClient;
  codec: EventCodec;
  /** Left out: the gate waits until another process has rebuilt Redis. */
  rebuild?: Rebuild;
  /** What is looked at while this process runs; broken, the gate is closed. */
  assumptions: readonly Assumption[];
};

export type CommandApi = {
  /** The HTTP API, not listening yet. */
  app: Express;
  /** Asked by the HTTP server before it reads a request. */
  shedLoad: ShedLoad;
  commands: CommandHandlers;
  gate: Gate;
  publisher: Publisher;
  keys: RedisKeys;
  /** What the commands are decided with, for whoever decides without emitting. */
  decideBy: DecidePart;
  /** Starts emitting again what stays in an outbox. */
  startRelay(settings: CommandApiSettings['relay']): Relay;
};

/**
 * Opens a command API; what it opens is closed by `lifecycle`. Its gate opens later, by itself.
 * @throws AppError KAFKA_UNAVAILABLE when the first producer can't connect
 */
export async function openCommandApi(
  settings: CommandApiSettings,
  connections: CommandApiConnections,
  { logger, lifecycle }: { logger: Logger; lifecycle: Lifecycle },
): Promise<CommandApi> {
  const { redis, admin } = connections;
  const keys = createRedisKeys(settings.redisKeyPrefix);
  const metrics = createCommandMetrics();
  const { assumptions } = connections;
  const watch = createAssumptionWatch({ assumptions, everyMs: ASSUMPTIONS_EVERY_MS, logger });
  lifecycle.opened('assumption watch', async () => watch.close());
  const gate = openGate(settings, connections, { keys, logger, watch });
  lifecycle.opened('gate', () => gate.close());
  const writer = await createLogWriter({
    createClient: connections.createProducerClient,
    codec: connections.codec,
    topicPrefix: settings.topicPrefix,
    lastOpen: gate.lastOpen,
    sendTimeoutMs: settings.sendTimeoutMs,
    logger,
  });
  lifecycle.opened('log writer', () => writer.close());
  const openScript = createScriptRunner({ redis, keys, onClosed: gate.reportClosed, logger });
  const confirm = createConfirm(openScript, keys);
  const publisher = createPublisher({
    ...{ writer, confirm, metrics, logger },
    checkClaim: gate.checkClaim,
    masterCheck: createMasterCheck(redis, gate),
    quarantine: createQuarantine({
      ...{ redis, keys, openScript, metrics, logger },
      ...{ kafka: connections.kafka, topicPrefix: settings.topicPrefix },
    }),
    answerTimeoutMs: settings.answerTimeoutMs,
    maxBatch: settings.maxBatch,
  });
  const { answerTimeoutMs } = settings;
  const drain = () => publisher.drained(answerTimeoutMs);
  lifecycle.opened('publisher', drain, { limitMs: answerTimeoutMs + 1_000 });
  metrics.watch({
    mayDecide: () => gate.state().kind === 'open',
    waitingEvents: publisher.waiting,
  });

  const decideBy: DecidePart = {
    ...{ openScript, keys },
    maxOutboxAgeMs: settings.maxOutboxAgeMs,
    idempotencyTtlMs: settings.idempotencyTtlMs,
  };
  const load = { max: settings.maxWaiting, current: 0 };
  const endOf = createEndOf(admin, settings.topicPrefix);
  const context: CommandContext = { gate, publisher, endOf, load, metrics };
  const commands = createCommandHandlers(context, decideBy);
  return {
    ...createHttp(settings, {
      context,
      commands,
      gate,
      writer,
      redis,
      keys,
      logger,
      watch,
      lifecycle,
    }),
    ...{ commands, gate, publisher, keys, decideBy },
    startRelay: (relaySettings) => {
      const parts = { redis, keys, gate, publisher, metrics, logger };
      const relay = startRelay({ ...parts, ...relaySettings });
      lifecycle.opened('relay', () => relay.close());
      return relay;
    },
  };
}

function openGate(
  { topicPrefix }: CommandApiSettings,
  { redis, admin, rebuild }: CommandApiConnections,
  { keys, logger, watch }: { keys: RedisKeys; logger: Logger; watch: AssumptionWatch },
): Gate {
  const claims = createEndOffsetsReader(admin, topicPrefix + EPOCHS_TOPIC, LOOK_TIMEOUT_MS);
  const newestClaim = createNewestClaim(claims);
  const brokenAssumption = watch.broken;
  return createGate({ redis, keys, newestClaim, brokenAssumption, rebuild, logger });
}

function createHttp(
  settings: CommandApiSettings,
  parts: {
    context: CommandContext;
    commands: CommandHandlers;
    gate: Gate;
    writer: LogWriter;
    redis: Redis;
    keys: RedisKeys;
    logger: Logger;
    watch: AssumptionWatch;
    lifecycle: Lifecycle;
  },
): Pick<CommandApi, 'app' | 'shedLoad'> {
  const { context, commands, gate, writer, redis, keys, logger, watch, lifecycle } = parts;
  const newAssignmentId = createAssignmentIds({
    partitions: () => gate.lastOpen()?.partitions[ASSIGN_TOPIC] ?? 1,
    partitionOf: partitionOfKey,
    batches: writer.batches,
  });
  const routes = commandRoutes(commands, newAssignmentId, {
    queryApiUrl: settings.queryApiUrl,
    markAnswered: createMarkAnswered(redis, keys, logger),
  });
  const check = () => checkReadiness({ redis, gate, writer });
  const health = healthRoutes(unlessStopping(withAssumptions(check, watch), lifecycle.isStopping));
  const app = createApp([health, commandRouter(routes)], {
    ...{ logger, maxBodyBytes: settings.http.maxBodyBytes },
  });
  return { app, shedLoad: createShedLoad(context, routes) };
}

/** The last positions of a topic; none when the brokers do not answer. */
function createEndOf(
  admin: KafkaAdmin,
  topicPrefix: string,
): (topic: EventTopic) => Promise<Position[]> {
  const readers = new Map(
    EVENT_TOPICS.map((topic) => [
      topic,
      createEndOffsetsReader(admin, topicPrefix + topic, LOOK_TIMEOUT_MS),
    ]),
  );
  return async (topic) => {
    const ends = await readers
      .get(topic)?.()
      .catch(() => undefined);
    if (ends === undefined) return [];
    return [...ends]
      .filter(([, end]) => end > 0n)
      .map(([partition, end]) => ({ topic, partition, offset: end - 1n }));
  };
}
