// npm run rebuild:redis: rebuilds Redis from the log, whether it seems to need it or not. Callers of
// the command APIs get 503 while it runs; units that were decided but are not in the log come back.

import { readOwnSchemas } from '../admin/schemas/register-schemas.ts';
import { createRedisKeys } from '../contracts/redis-keys.ts';
import { createEventCodec } from '../platform/avro/event-codec.ts';
import { messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { createRedis, redisUnavailable } from '../platform/redis.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { type RebuildResult, rebuildRedis } from '../redis-rebuild/rebuild.ts';
import { withRunEnv } from './shared/run-env.ts';

const ADDRESSES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'REDIS_URL'] as const;
const COMMAND_TIMEOUT_MS = 10_000;

function parseSettings(env: Environment) {
  const read = readSettings(env);
  const settings = {
    brokers: read.hosts('KAFKA_BROKERS'),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    redisUrl: read.url('REDIS_URL', ['redis://', 'rediss://']),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    redisKeyPrefix: read.text('REDIS_KEY_PREFIX', ''),
    lagMs: read.integer('REBUILD_LAG_MS', 0, { min: 0, max: 600_000 }),
    idempotencyTtlMs: read.integer('IDEMPOTENCY_TTL_MS', 48 * 3_600_000, {
      min: 24 * 3_600_000,
      max: 366 * 24 * 3_600_000,
    }),
  };
  read.finish();
  return settings;
}

async function rebuild(env: Environment, signal: AbortSignal): Promise<RebuildResult> {
  const settings = parseSettings(env);
  const { registryUrl, topicPrefix } = settings;
  const logger = createLogger('rebuild-redis', 'error');
  const kafka = createKafka({ brokers: settings.brokers, clientId: 'firstcome-rebuild' }, logger);
  const codec = await createEventCodec({ registryUrl, topicPrefix, schemas: readOwnSchemas() });
  const redis = createRedis(
    { url: settings.redisUrl, commandTimeoutMs: COMMAND_TIMEOUT_MS },
    logger,
  );
  const startedMs = performance.now();
  try {
    await redis.connect().catch((cause: unknown) => {
      throw redisUnavailable(cause);
    });
    return await rebuildRedis({
      ...{ kafka, codec, redis, topicPrefix, signal },
      keys: createRedisKeys(settings.redisKeyPrefix),
      lagMs: settings.lagMs,
      idempotencyTtlMs: settings.idempotencyTtlMs,
      report: (line) => {
        const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
        console.log(`${seconds.padStart(6)} s  ${line}`);
      },
    });
  } finally {
    redis.disconnect();
  }
}

function say(result: RebuildResult): string {
  switch (result.kind) {
    case 'rebuilt': {
      const { epoch, coupons, assignments, records, snapshot } = result;
      const { fenced, unreadable, uncreated, parts } = result;
      return [
        `Redis is rebuilt and open for epoch ${epoch}: ${coupons} coupons, ${assignments} assignments, ` +
          `in ${(parts.total / 1_000).toFixed(1)} s`,
        snapshot === null
          ? `${records} records were read`
          : `${records - snapshot.records} records were read; a snapshot stood for the other ${snapshot.records}`,
        ...(fenced > 0 ? [`${fenced} events are fenced`] : []),
        ...(unreadable > 0 ? [`${unreadable} records nobody can read: see the dead letters`] : []),
        ...uncreated.map(
          (id) => `coupon ${id} has assignments, but its creation is not in the log`,
        ),
      ].join('\n');
    }
    case 'held-by-another':
      return 'another process is rebuilding Redis now; nothing was done';
    case 'not-needed':
      return 'nothing was done';
    case 'lost':
      return `given up: ${result.reason}; Redis stays closed until the next rebuild, so run it again`;
  }
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error('stopped')));
}
try {
  const result = await rebuild(withRunEnv(process.env, ADDRESSES), stop.signal);
  console.log(say(result));
  process.exitCode = result.kind === 'rebuilt' && result.uncreated.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`rebuild failed: ${messageOf(error)}`);
  process.exitCode = 1;
}
