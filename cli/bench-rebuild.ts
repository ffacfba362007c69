// How long a rebuild takes: makes assignments directly in a log of its own, rebuilds a Redis of its
// own key prefix from it, and prints the parts.
//   node cli/bench-rebuild.ts [--assignments 100000] [--coupons 1] [--rebuilds 2] [--snapshot N]
// --snapshot N: takes a snapshot, adds N assignments, and rebuilds from it and the tail, too.
import { randomBytes, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import type { Kafka } from 'kafkajs';
import { readOwnSchemas, registerSchemas } from '../admin/schemas/register-schemas.ts';
import { createRegistryApi } from '../admin/schemas/registry-api.ts';
import { createTopics } from '../admin/topics.ts';
import { recordNameOf } from '../contracts/event-record.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { ASSIGN_TOPIC, destinationOf } from '../contracts/topics.ts';
import type { CouponAssigned, CouponCreated, CouponEvent } from '../domain/coupon-events.ts';
import { createEventCodec, type EventCodec } from '../platform/avro/event-codec.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { randomWord } from '../platform/random-word.ts';
import { createRedis } from '../platform/redis.ts';
import { readSettings } from '../platform/settings.ts';
import { type RebuildOptions, rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { takeSnapshot } from '../redis-rebuild/snapshot/take-snapshot.ts';
import { withRunEnv } from './shared/run-env.ts';

const DAY_MS = 86_400_000;
const SEND_AT_ONCE = 3_000;
/** The assignments lie as far apart as those of a rush: only those of its last minute are untold. */
const RUSH_PER_MS = 5;

const STARTED_AT = Date.now();

const { values } = parseArgs({
  options: {
    assignments: { type: 'string', default: '100000' },
    coupons: { type: 'string', default: '1' },
    rebuilds: { type: 'string', default: '2' },
    snapshot: { type: 'string' },
  },
});
const sizes = {
  assignments: Number(values.assignments),
  coupons: Number(values.coupons),
  rebuilds: Number(values.rebuilds),
  tail: values.snapshot === undefined ? null : Number(values.snapshot),
};
const read = readSettings(
  withRunEnv(process.env, ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'REDIS_URL']),
);
const settings = {
  brokers: read.hosts('KAFKA_BROKERS'),
  registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
  redisUrl: read.url('REDIS_URL', ['redis://', 'rediss://']),
};
read.finish();

const logger = createLogger('bench-rebuild', 'error');
const topicPrefix = `bench-${randomWord(8)}-`;
const kafka = createKafka({ brokers: settings.brokers, clientId: 'firstcome-bench' }, logger);
const redis = createRedis({ url: settings.redisUrl, commandTimeoutMs: 10_000 }, logger);
await redis.connect();
try {
  await createTopics(kafka, topicPrefix);
  await registerSchemas(settings.registryUrl, topicPrefix, readOwnSchemas());
  const codec = await createEventCodec({
    registryUrl: settings.registryUrl,
    topicPrefix,
    schemas: readOwnSchemas(),
  });
  const options: RebuildOptions = {
    kafka,
    codec,
    redis,
    keys: createRedisKeys(topicPrefix),
    topicPrefix,
    lagMs: 0,
    idempotencyTtlMs: 2 * DAY_MS,
  };
  let epoch = await rebuildOnce('empty log', options);
  const coupons = Array.from({ length: sizes.coupons }, newCoupon);
  await fillLog(kafka, codec, coupons, { first: 0, count: sizes.assignments, epoch });
  for (let i = 1; i <= sizes.rebuilds; i += 1) {
    epoch = await rebuildOnce(i === 1 ? 'Redis empty' : 'Redis full', options);
  }
  if (sizes.tail !== null) {
    await snapshotOnce(options);
    await fillLog(kafka, codec, coupons, { first: sizes.assignments, count: sizes.tail, epoch });
    for (let i = 1; i <= sizes.rebuilds; i += 1) await rebuildOnce('snapshot', options);
  }
} finally {
  await removeKeys(redis);
  redis.disconnect();
  await removeTopics(kafka);
  await removeSubjects();
}

/** @returns the epoch that is open now */
async function rebuildOnce(name: string, options: RebuildOptions): Promise<number> {
  const result = await rebuildRedis(options);
  if (result.kind !== 'rebuilt') throw new Error(`the rebuild was ${result.kind}`);
  const parts = Object.entries(result.parts).map(
    ([part, ms]) => `${part} ${(ms / 1_000).toFixed(2)}`,
  );
  const heapMb = Math.round(process.memoryUsage().heapUsed / 1_048_576);
  console.log(
    `${name.padEnd(11)} ${result.records} records, ${result.snapshot?.records ?? 0} of them in a snapshot, ` +
      `${result.assignments} assignments, ` +
      `seconds: ${parts.join(', ')}; heap ${heapMb} MB`,
  );
  return result.epoch;
}

async function snapshotOnce({ kafka, codec }: RebuildOptions): Promise<void> {
  const startedMs = performance.now();
  const signal = new AbortController().signal;
  const report = (): void => undefined;
  await takeSnapshot({ kafka, codec, topicPrefix, minRecords: 0, report, signal });
  console.log(`snapshot taken in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}

/** Appends `count` assignments after the first ones, of `epoch`; before all of them, the coupons. */
async function fillLog(
  kafka: Kafka,
  codec: EventCodec,
  coupons: readonly CouponCreated[],
  stretch: { first: number; count: number; epoch: number },
): Promise<void> {
  const { first, count, epoch } = stretch;
  const startedMs = performance.now();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const send = (topic: string, events: CouponEvent[]): Promise<unknown> =>
    producer.send({
      topic: topicPrefix + topic,
      acks: -1,
      messages: events.map((event) => ({
        key: destinationOf(event).key,
        value: codec.encode(topic, recordNameOf(event), event),
      })),
    });
  if (first === 0) {
    for (const coupon of coupons) await send(destinationOf(coupon).topic, [coupon]);
  }
  for (let i = 0; i < count; i += SEND_AT_ONCE) {
    const events = Array.from({ length: Math.min(SEND_AT_ONCE, count - i) }, (_, n) =>
      newAssignment(coupons, first + i + n, epoch),
    );
    await send(ASSIGN_TOPIC, events);
  }
  await producer.disconnect();
  console.log(`log filled in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}

function newCoupon(): CouponCreated {
  const couponId = randomUUID();
  return {
    type: 'CouponCreated',
    eventId: couponId,
    epoch: 0,
    occurredAt: Date.now(),
    idempotencyKey: null,
    requestHash: null,
    couponId,
    title: 'bench',
    quantity: 1_000_000,
    startDate: Date.now(),
    endDate: Date.now() + DAY_MS,
    perUserLimit: 1,
  };
}

function newAssignment(
  coupons: readonly CouponCreated[],
  n: number,
  epoch: number,
): CouponAssigned {
  const assignmentId = randomUUID();
  return {
    type: 'CouponAssigned',
    eventId: assignmentId,
    epoch,
    occurredAt: STARTED_AT + Math.floor(n / RUSH_PER_MS),
    idempotencyKey: randomUUID(),
    requestHash: randomBytes(32).toString('hex'),
    assignmentId,
    couponId: coupons[n % coupons.length]?.couponId ?? '',
    userId: `user-${n}`,
    sequence: Math.floor(n / coupons.length) + 1,
    nthOfUser: 1,
  };
}

async function removeKeys(redis: Redis): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${topicPrefix}*`, 'COUNT', 5_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}

async function removeTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(topicPrefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.disconnect();
}

async function removeSubjects(): Promise<void> {
  const subjects = await createRegistryApi(settings.registryUrl).subjects();
  for (const subject of subjects.filter((name) => name.startsWith(topicPrefix))) {
    const address = `${settings.registryUrl}/subjects/${encodeURIComponent(subject)}`;
    for (const query of ['', '?permanent=true']) {
      const response = await fetch(`${address}${query}`, { method: 'DELETE' });
      await response.body?.cancel();
    }
  }
}
