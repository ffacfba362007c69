// Reads everything that is verified, once what was under way has arrived.
import { createRedisKeys } from '../contracts/redis-keys.ts';
import {
  ASSIGN_TOPIC,
  deadLetterTopicOf,
  EPOCHS_TOPIC,
  EVENT_TOPICS,
  LIFECYCLE_TOPIC,
} from '../contracts/topics.ts';
import { awaitQuiescence } from './await-quiescence.ts';
import type { VerifierConnections } from './connect.ts';
import type { ClientLedger, SystemFacts } from './facts.ts';
import { readDeadLetters } from './read/read-dead-letters.ts';
import { readDiscardFacts } from './read/read-discards.ts';
import { readEventTopics } from './read/read-event-topics.ts';
import { readClock, readRedis } from './read/read-redis.ts';
import { readTables } from './read/read-tables.ts';
import { endsOf, listRanges } from './read/read-topic.ts';
import type { VerifySettings } from './settings.ts';

const WAIT_MS = 20_000;

export type VerifyOptions = {
  /** Only this coupon; everything when not said. */
  couponId?: string;
  /** What the clients of a coupon were answered; with it, invariants 3, 6 and 9 are checked too. */
  ledger?: ClientLedger;
  /** How long to wait for what is under way; 20 s when not said. */
  waitMs?: number;
  /** Called with a few words at each step. */
  progress?: (step: string) => void;
};

export type CollectedFacts = {
  facts: SystemFacts;
  /** What was still missing when the waiting ended; empty when everything had arrived. */
  notArrived: string[];
  /** Records that came into the log while it was read. */
  writtenMeanwhile: number;
};

/** What one reading works with; `couponId` null: every coupon. */
type ReadingOf = {
  connections: VerifierConnections;
  topicPrefix: string;
  couponId: string | null;
  progress: (step: string) => void;
};

/**
 * One reading of log, Redis, tables and dead letters. Its order makes them comparable while requests
 * come in: the log's ends, Redis, the tables, the log. What Redis has decided and what the tables hold
 * is then in the log, or on its way.
 * @throws what a connection throws: then nothing is known
 */
export async function collectFacts(
  { topicPrefix, redisKeyPrefix }: VerifySettings,
  options: VerifyOptions,
  connections: VerifierConnections,
): Promise<CollectedFacts> {
  const { admin, redis, db } = connections;
  const { couponId = null, progress = () => undefined } = options;
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
  const { ends, ...logFacts } = await collectLog({ connections, topicPrefix, couponId, progress });
  progress('checking');
  return {
    facts: {
      couponId,
      projectionTarget,
      redis: { beganAt, logEndsBefore, ...inRedis },
      tables,
      ...logFacts,
      ledger: options.ledger ?? null,
    },
    notArrived,
    writtenMeanwhile: countGrowth(logEndsBefore, ends),
  };
}

async function collectLog({ connections, topicPrefix, couponId, progress }: ReadingOf): Promise<
  Pick<SystemFacts, 'log' | 'deadLetters' | 'refused' | 'newestClaim'> & {
    /** Up to where the log was read, by `topicPartitionOf`. */
    ends: Map<string, number>;
  }
> {
  const { kafka, admin, codec } = connections;
  // Assignments first: then each one's coupon is below the end of the other topic.
  const ranges = await listRanges(admin, topicPrefix, [ASSIGN_TOPIC, LIFECYCLE_TOPIC]);
  const discards = await readDiscardFacts(kafka, topicPrefix);
  progress('reading the log');
  const log = await readEventTopics({
    kafka,
    codec,
    topicPrefix,
    ranges,
    couponId,
    discards,
    progress: (records) => progress(`reading the log: ${records} records`),
  });
  progress('reading the dead letters');
  const deadLetterRanges = await listRanges(
    admin,
    topicPrefix,
    EVENT_TOPICS.map(deadLetterTopicOf),
  );
  const { positions, refused } = await readDeadLetters(kafka, topicPrefix, deadLetterRanges);
  const [claims] = await listRanges(admin, topicPrefix, [EPOCHS_TOPIC]);
  const newestClaim = claims === undefined || claims.to === 0n ? null : Number(claims.to) - 1;
  return { log, deadLetters: positions, refused, newestClaim, ends: endsOf(ranges) };
}

function countGrowth(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): number {
  let growth = 0;
  for (const [topicPartition, end] of after) growth += end - (before.get(topicPartition) ?? 0);
  return growth;
}
