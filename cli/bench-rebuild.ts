// firstcome bench-rebuild: makes assignments directly in a log of its own, rebuilds a Redis of its own
// key prefix from it, and reports how long each part took.
import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { pinSchemas } from '../admin/schemas/pin-schemas.ts';
import { readOwnSchemas, registerSchemas } from '../admin/schemas/register-schemas.ts';
import { createRegistryApi } from '../admin/schemas/registry-api.ts';
import { createTopics } from '../admin/topics.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { createRegistrySender } from '../platform/avro/registry-request.ts';
import type { RegistrySettings } from '../platform/connections/registry-settings.ts';
import { withAdmin } from '../platform/kafka/admin.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { randomWord } from '../platform/random-word.ts';
import { createRedis } from '../platform/redis.ts';
import { type RebuildOptions, rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { takeSnapshot } from '../redis-rebuild/snapshot/take-snapshot.ts';
import { type Addresses, readAddresses, systemEnvironment } from './shared/addresses.ts';
import { fillLog, newBenchCoupon } from './shared/bench-log.ts';
import { createCommandKafka, openLog } from './shared/connect.ts';
import { EXIT_CODE, type ExitCode, endingWith } from './shared/exit-code.ts';
import { wholeNumber } from './shared/option-values.ts';
import { secondsSinceMs } from './shared/seconds.ts';

const DAY_MS = 86_400_000;
const REMOVAL_LIMIT_MS = 10_000;
const NAMES = ['kafka', 'registry', 'redis'] as const;

type Options = { assignments: number; coupons: number; rebuilds: number; snapshot?: number };
type BenchAddresses = Pick<Addresses, (typeof NAMES)[number]>;

export function defineBenchRebuild(command: Command): void {
  const count = wholeNumber({ min: 1, max: 100_000_000 });
  command
    .description(
      'Makes assignments in a log of its own, rebuilds a Redis of its own key prefix from it, and reports ' +
        'how long each part took. What it made is removed at the end.',
    )
    .option('--assignments <n>', 'how many', count, 100_000)
    .option('--coupons <n>', 'of how many coupons', count, 1)
    .option('--rebuilds <n>', 'how often', count, 2)
    .option(
      '--snapshot <n>',
      'take a snapshot, add n assignments, and rebuild from it and the tail, too',
      count,
    )
    .action(endingWith(runBenchRebuild));
}

async function runBenchRebuild(options: Options): Promise<ExitCode> {
  const addresses = readAddresses(systemEnvironment(), NAMES);
  const topicPrefix = `bench-${randomWord(8)}-`;
  const kafka = createCommandKafka('bench-rebuild', addresses.kafka);
  const logger = createLogger('bench-rebuild', 'error');
  const redis = createRedis({ ...addresses.redis, commandTimeoutMs: 10_000 }, logger);
  await redis.connect();
  try {
    await createTopics(kafka, topicPrefix);
    const { registry } = addresses;
    const subjects = await registerSchemas(registry, topicPrefix, readOwnSchemas());
    await pinSchemas({ kafka, registry, topicPrefix }, subjects);
    await measure(await rebuildOptions(addresses, topicPrefix, redis), options);
  } finally {
    await removeKeys(redis, topicPrefix);
    redis.disconnect();
    await removeTopics(kafka, topicPrefix);
    await removeSubjects(addresses.registry, topicPrefix);
  }
  return EXIT_CODE.done;
}

async function rebuildOptions(
  addresses: BenchAddresses,
  topicPrefix: string,
  redis: Redis,
): Promise<RebuildOptions> {
  return {
    ...(await openLog('bench-rebuild', { ...addresses, topicPrefix })),
    redis,
    keys: createRedisKeys(topicPrefix),
    lagMs: 0,
    idempotencyTtlMs: 2 * DAY_MS,
  };
}

async function measure(rebuild: RebuildOptions, options: Options): Promise<void> {
  const { assignments, rebuilds, snapshot } = options;
  const coupons = Array.from({ length: options.coupons }, newBenchCoupon);
  let epoch = await rebuildOnce('empty log', rebuild);
  await fill(() => fillLog(rebuild, coupons, { first: 0, count: assignments, epoch }));
  for (let i = 1; i <= rebuilds; i += 1) {
    epoch = await rebuildOnce(i === 1 ? 'Redis empty' : 'Redis full', rebuild);
  }
  if (snapshot === undefined) return;
  await snapshotOnce(rebuild);
  await fill(() => fillLog(rebuild, coupons, { first: assignments, count: snapshot, epoch }));
  for (let i = 1; i <= rebuilds; i += 1) await rebuildOnce('snapshot', rebuild);
}

async function fill(write: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  await write();
  console.log(`log filled in ${secondsSinceMs(startedMs)} s`);
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

async function snapshotOnce({ kafka, codec, topicPrefix }: RebuildOptions): Promise<void> {
  const startedMs = performance.now();
  const { signal } = new AbortController();
  const report = (): void => undefined;
  await takeSnapshot({ kafka, codec, topicPrefix, minRecords: 0, report, signal });
  console.log(`snapshot taken in ${secondsSinceMs(startedMs)} s`);
}

async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 5_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}

function removeTopics(kafka: KafkaClient, prefix: string): Promise<void> {
  return withAdmin(kafka, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics(topics);
  });
}

async function removeSubjects(registry: RegistrySettings, prefix: string): Promise<void> {
  const subjects = await createRegistryApi(registry).subjects();
  const send = createRegistrySender(registry, REMOVAL_LIMIT_MS);
  for (const subject of subjects.filter((name) => name.startsWith(prefix))) {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    for (const query of ['', '?permanent=true']) {
      await send({ method: 'DELETE', path: `${path}${query}` });
    }
  }
}
