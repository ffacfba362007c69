// The very first epoch: without one no command is decided, and every event would be void
// (protocol.md P19). In the order of P13 to P17; there is no state yet, so there is nothing to fold.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Kafka, Producer } from 'kafkajs';
import type { EpochClaimed, EpochStarted } from '../domain/coupon-events.ts';
import { recordNameOf } from '../domain/event-record.ts';
import { createRedisKeys, type RedisKeys } from '../domain/redis-keys.ts';
import { EPOCHS_TOPIC, EVENT_TOPICS } from '../domain/topics.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import type { EventCodec } from '../platform/event-codec.ts';
import { rangesOf, scanLog } from '../platform/log-scan.ts';
import { createScript, redisUnavailable } from '../platform/redis.ts';

export type FirstEpochOptions = {
  kafka: Kafka;
  codec: EventCodec;
  redis: Redis;
  topicPrefix: string;
  redisKeyPrefix: string;
};

/** What was found, or done. */
export type FirstEpoch =
  | { kind: 'opened'; epoch: number }
  | { kind: 'already-open'; epoch: number }
  /** Something was decided before, and the gate does not vouch for this Redis: it may lack writes. */
  | { kind: 'rebuild-needed'; reason: string };

const SEND_TIMEOUT_MS = 10_000;

/**
 * Opens the first epoch if nothing was ever decided: neither in Redis nor in the log. A run that
 * broke off leaves claims and markers only; the next one claims again.
 * @throws AppError EPOCH_CLOSED (retriable) when another claim or another Redis came in between,
 * KAFKA_UNAVAILABLE, REDIS_UNAVAILABLE (retriable)
 */
export async function openFirstEpoch(options: FirstEpochOptions): Promise<FirstEpoch> {
  const keys = createRedisKeys(options.redisKeyPrefix);
  const replicationId = await replicationIdOf(options.redis);
  const doubt = await doubtAboutGate(options, keys, replicationId);
  if (doubt.kind === 'none') return { kind: 'already-open', epoch: doubt.epoch };
  const decided = await whatWasDecided(options, keys);
  if (decided !== null) {
    return { kind: 'rebuild-needed', reason: `${doubt.reason}, and ${decided}` };
  }
  const epoch = await claimAndMark(options);
  await openGate(options, keys, epoch, replicationId);
  return { kind: 'opened', epoch };
}

type GateDoubt = { kind: 'none'; epoch: number } | { kind: 'doubt'; reason: string };

async function doubtAboutGate(
  { kafka, redis, topicPrefix }: FirstEpochOptions,
  keys: RedisKeys,
  replicationId: string,
): Promise<GateDoubt> {
  const gate = await ask(() => redis.hgetall(keys.gate));
  if (gate.epoch === undefined) return { kind: 'doubt', reason: 'Redis has no gate' };
  if (gate.replicationId !== replicationId) {
    return { kind: 'doubt', reason: 'the gate was opened on another Redis, or before its restart' };
  }
  const epoch = Number(gate.epoch);
  const newest = await newestClaim(kafka, topicPrefix);
  return newest === epoch
    ? { kind: 'none', epoch }
    : { kind: 'doubt', reason: `the gate is of epoch ${epoch}, the newest claim ${newest}` };
}

async function whatWasDecided(
  { kafka, codec, redis, topicPrefix }: FirstEpochOptions,
  keys: RedisKeys,
): Promise<string | null> {
  if ((await ask(() => redis.scard(keys.coupons))) > 0) return 'Redis knows coupons';
  for (const topic of EVENT_TOPICS) {
    const physical = `${topicPrefix}${topic}`;
    let found: string | null = null;
    await scanLog(kafka, physical, await rangesOf(kafka, physical), async ({ message }) => {
      if (await isMarker(codec, message.value)) return 'go on';
      found = `${topic} holds events`;
      return 'stop';
    });
    if (found !== null) return found;
  }
  return null;
}

async function isMarker(codec: EventCodec, value: Buffer | null): Promise<boolean> {
  try {
    return (await codec.decode(value)).name === recordNameOf({ type: 'EpochStarted' });
  } catch (error) {
    // What nobody can read is no marker, so something was written there before.
    if (error instanceof AppError && error.retriable === false) return false;
    throw error;
  }
}

async function claimAndMark(options: FirstEpochOptions): Promise<number> {
  const producer = options.kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const epoch = await claim(producer, options);
    await markEveryPartition(producer, options, epoch);
    return epoch;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('KAFKA_UNAVAILABLE', `no new epoch: ${messageOf(cause)}`, {
      cause,
      retriable: true,
    });
  } finally {
    await producer.disconnect();
  }
}

async function claim(
  producer: Producer,
  { codec, redis, topicPrefix }: FirstEpochOptions,
): Promise<number> {
  const claimed: EpochClaimed = {
    type: 'EpochClaimed',
    claimedBy: `migrate on ${hostname()}, process ${process.pid}`,
    claimedAt: await timeOf(redis),
  };
  const [written] = await producer.send({
    topic: `${topicPrefix}${EPOCHS_TOPIC}`,
    acks: -1,
    timeout: SEND_TIMEOUT_MS,
    messages: [{ partition: 0, value: codec.encode(EPOCHS_TOPIC, recordNameOf(claimed), claimed) }],
  });
  if (written?.baseOffset === undefined) {
    throw new AppError('KAFKA_UNAVAILABLE', 'the claim was acknowledged without its offset');
  }
  return Number(written.baseOffset);
}

async function markEveryPartition(
  producer: Producer,
  { kafka, codec, redis, topicPrefix }: FirstEpochOptions,
  epoch: number,
): Promise<void> {
  const occurredAt = await timeOf(redis);
  const markers = (topic: string, partitions: number[]) =>
    partitions.map((partition) => {
      const marker: EpochStarted = {
        type: 'EpochStarted',
        eventId: randomUUID(),
        epoch,
        occurredAt,
      };
      return { partition, value: codec.encode(topic, recordNameOf(marker), marker) };
    });
  const topicMessages = await Promise.all(
    EVENT_TOPICS.map(async (topic) => {
      const physical = `${topicPrefix}${topic}`;
      const ranges = await rangesOf(kafka, physical);
      const partitions = ranges.map(({ partition }) => partition);
      return { topic: physical, messages: markers(topic, partitions) };
    }),
  );
  await producer.sendBatch({ acks: -1, timeout: SEND_TIMEOUT_MS, topicMessages });
}

async function openGate(
  options: FirstEpochOptions,
  keys: RedisKeys,
  epoch: number,
  replicationId: string,
): Promise<void> {
  const newest = await newestClaim(options.kafka, options.topicPrefix);
  if (newest !== epoch) throw overtaken(`epoch ${newest} was claimed meanwhile`);
  if ((await replicationIdOf(options.redis)) !== replicationId) {
    throw overtaken('Redis was restarted or replaced meanwhile');
  }
  const open = createScript(options.redis, new URL('open-gate.lua', import.meta.url));
  const answer = await open([keys.gate], [epoch, replicationId]);
  if (answer !== 'opened') throw overtaken(`the gate was opened for epoch ${answer} meanwhile`);
}

function overtaken(reason: string): AppError {
  return new AppError('EPOCH_CLOSED', `${reason}: run migrate again`, { retriable: true });
}

async function newestClaim(kafka: Kafka, topicPrefix: string): Promise<number | null> {
  const [range] = await rangesOf(kafka, `${topicPrefix}${EPOCHS_TOPIC}`);
  return range === undefined || range.to === 0n ? null : Number(range.to - 1n);
}

async function replicationIdOf(redis: Redis): Promise<string> {
  const info = await ask(() => redis.info('replication'));
  const id = /^master_replid:(\S+)/m.exec(info)?.[1];
  if (!/^role:master\s/m.test(info) || id === undefined) {
    throw new AppError('EPOCH_CLOSED', 'this Redis is not a master', { retriable: true });
  }
  return id;
}

async function timeOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await ask(() => redis.time());
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw redisUnavailable(cause);
  }
}
