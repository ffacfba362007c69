// The projector without its process: consumers and health answers, as `main.ts` and tests build them.
import type { Express } from 'express';
import type { Knex } from 'knex';
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import { deadLetterTopicOf, EVENT_TOPICS, SCHEMAS_TOPIC } from '../contracts/topics.ts';
import { createApp } from '../http/app.ts';
import { healthRoutes, unlessStopping, withAssumptions } from '../http/health.ts';
import { ASSUMPTIONS_EVERY_MS, createAssumptionWatch } from '../platform/assumptions.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec, type EventCodec } from '../platform/avro/event-codec.ts';
import { createPinsReader } from '../platform/avro/schema-pins.ts';
import { createKafkaClient, type KafkaClient } from '../platform/kafka/client.ts';
import { createProducer } from '../platform/kafka/producer.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { createMysql, MYSQL_CLOSE } from '../platform/mysql.ts';
import { projectorAssumptions } from './assumptions.ts';
import { createApplyBatch } from './consumer/apply-batch.ts';
import { startConsumer } from './consumer/consume.ts';
import { type ConsumerHealth, createConsumerHealth } from './consumer/consumer-health.ts';
import { createProgress, type Progress } from './consumer/progress.ts';
import { traceStore } from './consumer/trace-store.ts';
import { createRetryDeadLetter } from './dead-letters/retry-dead-letter.ts';
import {
  createDeadLetterWriter,
  type WriteDeadLetters,
} from './dead-letters/write-dead-letters.ts';
import { createProjectorMetrics } from './metrics.ts';
import { createProjectBatch } from './projection/project-batch.ts';
import { applyOnce, type MakeChange, readNextOffset } from './projection/store.ts';
import { SESSION_STATEMENTS } from './projection/transaction.ts';
import { checkProjectorReadiness } from './readiness.ts';
import type { ProjectorSettings } from './settings.ts';

export type ProjectorApp = {
  /** The health answers; they may be served before `consume`. */
  http: Express;
  /**
   * Joins both consumer groups and projects until the lifecycle closes.
   * @throws when Kafka can't be reached, or a topic is not there
   */
  consume(): Promise<void>;
};

const MAX_BODY_BYTES = 1_024;
/** A batch's statements stay well below every server's max_allowed_packet. */
const MAX_BATCH_BYTES = 1_048_576;
/** Both topics of a small installation at once: a partition that waits holds up no other. */
const PARTITIONS_AT_ONCE = 6;
/** A batch under way may take as long as its transaction. */
const CLOSE_LIMIT_MS = 14_000;
type Tools = {
  logger: Logger;
  lifecycle: Lifecycle;
  /** Called when the projector can't go on: the process has to end. */
  stop: (reason: string) => void;
};

/**
 * Opens what the projector works with; `lifecycle` closes it.
 * @throws AppError REGISTRY_UNAVAILABLE, KAFKA_UNAVAILABLE
 */
export async function createProjectorApp(
  settings: ProjectorSettings,
  tools: Tools,
): Promise<ProjectorApp> {
  const { logger, lifecycle } = tools;
  const db = createMysql({ ...settings.mysql, sessionStatements: SESSION_STATEMENTS }, logger);
  lifecycle.opened('mysql', () => db.destroy(), MYSQL_CLOSE);
  // Batches may have all connections of the pool: busy is not unready.
  const probe = createMysql({ ...settings.mysql, poolSize: 1 }, logger);
  lifecycle.opened('mysql probe', () => probe.destroy(), MYSQL_CLOSE);
  const kafka = createKafkaClient(settings.kafka, logger);
  const codec = await createEventCodec({
    registry: settings.registry,
    topicPrefix: settings.topicPrefix,
    schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
    pins: createPinsReader(kafka, settings.topicPrefix + SCHEMAS_TOPIC),
  });
  const writeDeadLetters = await openDeadLetterWriter(kafka, settings, tools);
  const consumerHealth = createConsumerHealth(['events', 'dead letters'], () => performance.now());
  const progress = createProgress(logger, createProjectorMetrics());
  lifecycle.opened('progress', async () => progress.close());

  const watch = createAssumptionWatch({
    assumptions: projectorAssumptions({ kafka, db, topicPrefix: settings.topicPrefix }),
    ...{ everyMs: ASSUMPTIONS_EVERY_MS, logger },
  });
  lifecycle.opened('assumption watch', async () => watch.close());
  const check = withAssumptions(() => checkProjectorReadiness(probe, consumerHealth), watch);
  const isReady = unlessStopping(check, lifecycle.isStopping);

  const shared = { ...tools, settings, db, codec, kafka, consumerHealth, progress };
  return {
    http: createApp([healthRoutes(isReady, consumerHealth.isLive)], {
      logger,
      maxBodyBytes: MAX_BODY_BYTES,
    }),
    consume: async () => {
      const closing: (() => Promise<void>)[] = [];
      const closeAll = () => Promise.all(closing.map((close) => close()));
      // At once: each may wait for a broker that does not answer.
      lifecycle.opened('consumers', closeAll, { limitMs: CLOSE_LIMIT_MS });
      closing.push(await consumeDeadLetters(shared));
      closing.push(await consumeEvents(shared, writeDeadLetters));
    },
  };
}

async function openDeadLetterWriter(
  kafka: KafkaClient,
  { topicPrefix }: ProjectorSettings,
  { logger, lifecycle }: Tools,
): Promise<WriteDeadLetters> {
  const producer = createProducer(kafka);
  await producer.connect();
  lifecycle.opened('dead letter producer', () => producer.close());
  return createDeadLetterWriter({ producer, topicPrefix, now: Date.now, logger });
}

type Shared = Tools & {
  settings: ProjectorSettings;
  db: Knex;
  codec: EventCodec;
  kafka: KafkaClient;
  consumerHealth: ConsumerHealth;
  progress: Progress;
};

function consumeDeadLetters(shared: Shared): Promise<() => Promise<void>> {
  const { settings, logger } = shared;
  return startProjecting(shared, {
    name: 'dead letters',
    groupId: `${settings.consumerGroup}-dead-letters`,
    topics: EVENT_TOPICS.map(deadLetterTopicOf),
    maxRecords: 1,
    partitionsAtOnce: 1,
    makeChange: createRetryDeadLetter(Date.now, logger),
  });
}

function consumeEvents(
  shared: Shared,
  writeDeadLetters: WriteDeadLetters,
): Promise<() => Promise<void>> {
  const { settings } = shared;
  return startProjecting(shared, {
    name: 'events',
    groupId: settings.consumerGroup,
    topics: [...EVENT_TOPICS],
    maxRecords: settings.batchSize,
    partitionsAtOnce: PARTITIONS_AT_ONCE,
    makeChange: createProjectBatch(writeDeadLetters),
  });
}

function startProjecting(
  { settings, db, codec, kafka, consumerHealth, progress, logger, stop }: Shared,
  consumer: {
    name: string;
    groupId: string;
    topics: string[];
    maxRecords: number;
    partitionsAtOnce: number;
    makeChange: MakeChange;
  },
): Promise<() => Promise<void>> {
  const { maxRecords, makeChange, ...options } = consumer;
  return startConsumer({
    ...{ ...options, kafka, consumerHealth, progress, logger },
    topicPrefix: settings.topicPrefix,
    limits: { maxRecords, maxBytes: MAX_BATCH_BYTES },
    applyBatch: createApplyBatch({
      codec,
      store: traceStore((records) => applyOnce(db, records, makeChange)),
      consumerHealth,
      logger,
    }),
    readNextOffset: (topic, partition) => readNextOffset(db, topic, partition),
    fail: stop,
  });
}
