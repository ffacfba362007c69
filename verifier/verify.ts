// A verification: connect, wait for what is under way, read everything, judge it.
import { TOPICS_OF_RECORD } from '../contracts/event-record.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import {
  ASSIGN_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  EVENT_TOPICS,
  LIFECYCLE_TOPIC,
} from '../contracts/topics.ts';
import { readAvroRecords } from '../platform/avro/avro-schemas.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLifecycle } from '../platform/lifecycle.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { createRedis } from '../platform/redis.ts';
import { awaitQuiescence } from './await-quiescence.ts';
import type { ClientLedger, SystemFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { checkInvariants } from './invariants.ts';
import { readDeadLetters } from './read/read-dead-letters.ts';
import { readEventTopics } from './read/read-event-topics.ts';
import { readClock, readGateEpoch, readRedis } from './read/read-redis.ts';
import { readTables } from './read/read-tables.ts';
import { endsOf, listRanges } from './read/read-topic.ts';

/** Where the system is. */
export type VerifySettings = {
  kafkaBrokers: string[];
  registryUrl: string;
  redisUrl: string;
  mysqlUrl: string;
  topicPrefix: string;
  redisKeyPrefix: string;
};

export type VerifyOptions = {
  /** Only this coupon; everything when not said. */
  couponId?: string;
  /** What the clients of a coupon were answered; with it, invariants 3, 6 and 9 are checked too. */
  ledger?: ClientLedger;
  /** How long to wait for what is under way; 20 s when not said. */
  waitMs?: number;
  /** Told what is being done, in a few words. */
  progress?: (step: string) => void;
};

export type Verification = {
  /** No invariant is broken. */
  ok: boolean;
  findings: Finding[];
  /** What had not arrived when the waiting ended; empty when everything had. */
  notArrived: string[];
  /** Records that came into the log while it was read. */
  writtenMeanwhile: number;
  tookMs: number;
};

const WAIT_MS = 20_000;
const REDIS_TIMEOUT_MS = 10_000;
/** Redis may be rebuilt while it is read; then everything is read again, at most so often. */
const MAX_READINGS = 4;

/**
 * Verifies a running system; changes nothing in it.
 * @throws AppError STARTUP_FAILED naming a part that can't be reached, or what reading it threw: then
 * nothing is known
 */
export async function verify(
  settings: VerifySettings,
  options: VerifyOptions = {},
): Promise<Verification> {
  const startedAt = performance.now();
  const parts = await connect(settings);
  try {
    const { facts, notArrived, writtenMeanwhile } = await collectOfOneEpoch(
      settings,
      options,
      parts,
    );
    const findings = checkInvariants(facts);
    return {
      ok: findings.every(({ ok }) => ok),
      findings,
      notArrived,
      writtenMeanwhile,
      tookMs: performance.now() - startedAt,
    };
  } finally {
    await parts.close();
  }
}

type Parts = Awaited<ReturnType<typeof connect>>;

async function connect(settings: VerifySettings) {
  const logger = createLogger('verifier', 'silent');
  const lifecycle = createLifecycle(logger);
  try {
    const kafka = createKafka(
      { brokers: settings.kafkaBrokers, clientId: 'firstcome-verifier' },
      logger,
    );
    const admin = kafka.admin();
    lifecycle.opened('Kafka', () => admin.disconnect());
    await reach('Kafka', () => admin.connect());
    const redis = createRedis(
      { url: settings.redisUrl, commandTimeoutMs: REDIS_TIMEOUT_MS },
      logger,
    );
    lifecycle.opened('Redis', async () => redis.disconnect());
    await reach('Redis', () => redis.connect());
    const db = createMysql({ url: settings.mysqlUrl, poolSize: 2 }, logger);
    lifecycle.opened('MySQL', () => db.destroy());
    const codec = await createEventCodec({
      registryUrl: settings.registryUrl,
      topicPrefix: settings.topicPrefix,
      schemas: readAvroRecords(new URL('../schemas/', import.meta.url), TOPICS_OF_RECORD),
    });
    return { kafka, admin, redis, db, codec, close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function reach(part: string, connectTo: () => Promise<unknown>): Promise<void> {
  try {
    await connectTo();
  } catch (cause) {
    throw new AppError('STARTUP_FAILED', `${part} can't be reached: ${messageOf(cause)}`, {
      cause,
    });
  }
}

// A rebuild between two readings makes them of two epochs, which says nothing of the system. What is
// really broken is still so the next time.
async function collectOfOneEpoch(
  settings: VerifySettings,
  options: VerifyOptions,
  parts: Parts,
): ReturnType<typeof collect> {
  const keys = createRedisKeys(settings.redisKeyPrefix);
  for (let reading = 1; ; reading += 1) {
    const collected = await collect(settings, options, parts);
    const { gateEpoch } = collected.facts.redis;
    const isOfOne = gateEpoch === (await readGateEpoch(parts.redis, keys));
    if (isOfOne || reading === MAX_READINGS) return collected;
    options.progress?.('Redis was rebuilt meanwhile: reading everything again');
  }
}

// The order is what makes the parts comparable while requests come in: the log's ends, Redis, the
// tables, the log. What Redis has decided and what the tables hold is then in the log, or on its way.
async function collect(
  { topicPrefix, redisKeyPrefix }: VerifySettings,
  options: VerifyOptions,
  { kafka, admin, redis, db, codec }: Parts,
): Promise<{ facts: SystemFacts; notArrived: string[]; writtenMeanwhile: number }> {
  const progress = options.progress ?? (() => undefined);
  const couponId = options.couponId ?? null;
  const keys = createRedisKeys(redisKeyPrefix);
  const beganAt = await readClock(redis);
  const projectionTarget = endsOf(await listRanges(admin, topicPrefix, EVENT_TOPICS));
  const notArrived = await awaitQuiescence({
    redis,
    keys,
    db,
    couponId,
    beganAt,
    target: projectionTarget,
    waitMs: options.waitMs ?? WAIT_MS,
    progress: (missing) => progress(`waiting: ${missing}`),
  });
  const logEndsBefore = endsOf(await listRanges(admin, topicPrefix, EVENT_TOPICS));
  progress('reading Redis');
  const inRedis = await readRedis(redis, keys, couponId);
  progress('reading the tables');
  const tables = await readTables(db, couponId);
  // Assignments first: then each one's coupon is below the end of the other topic.
  const ranges = await listRanges(admin, topicPrefix, [ASSIGN_TOPIC, LIFECYCLE_TOPIC]);
  progress('reading the log');
  const log = await readEventTopics({
    kafka,
    codec,
    topicPrefix,
    ranges,
    couponId,
    progress: (records) => progress(`reading the log: ${records} records`),
  });
  progress('reading the dead letters');
  const deadTopics = EVENT_TOPICS.map(deadLetterTopicOf);
  const { positions: deadLetters, refused } = await readDeadLetters(
    kafka,
    topicPrefix,
    await listRanges(admin, topicPrefix, deadTopics),
  );
  const [claims] = await listRanges(admin, topicPrefix, [EPOCHS_TOPIC]);
  progress('judging');
  return {
    facts: {
      couponId,
      newestClaim: claims === undefined || claims.to === 0n ? null : Number(claims.to) - 1,
      log,
      projectionTarget,
      redis: { beganAt, logEndsBefore, ...inRedis },
      tables,
      deadLetters,
      refused,
      ledger: options.ledger ?? null,
    },
    notArrived,
    writtenMeanwhile: countGrowth(logEndsBefore, endsOf(ranges)),
  };
}

function countGrowth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  let growth = 0;
  for (const [topicPartition, end] of after) growth += end - (before.get(topicPartition) ?? 0);
  return growth;
}
