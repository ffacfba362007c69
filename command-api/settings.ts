// Every setting of the command API, read once at start.
import { readKafkaSettings } from '../platform/connections/kafka-settings.ts';
import { readRedisSettings } from '../platform/connections/redis-settings.ts';
import { readRegistrySettings } from '../platform/connections/registry-settings.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { readTelemetrySettings } from '../platform/telemetry.ts';

/** What the command API needs of its settings, beside its connections. */
export type CommandApiSettings = Omit<
  ReturnType<typeof parseSettings>,
  'logLevel' | 'telemetry' | 'shutdownDelayMs' | 'kafka' | 'redis' | 'registry' | 'rebuildLagMs'
>;

/** A batch without an acknowledgement within this time is sent again. */
const SEND_TIMEOUT_MS: number = 8_000;

/**
 * The settings in these environment values.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseSettings(env: Environment) {
  const read = readSettings(env);
  const settings = Object.freeze({
    logLevel: read.oneOf('LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error']),
    telemetry: readTelemetrySettings(read),
    /** How long it goes on taking requests after it was told to stop: until balancers have noticed. */
    shutdownDelayMs: read.integer('SHUTDOWN_DELAY_MS', 5_000, { min: 0, max: 600_000 }),
    http: {
      host: read.host('HTTP_HOST'),
      port: read.port('HTTP_PORT'),
      maxBodyBytes: read.integer('MAX_BODY_BYTES', 16_384, { min: 1_024, max: 1_048_576 }),
    },
    kafka: { ...readKafkaSettings(read), clientId: 'firstcome-command-api' },
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    registry: readRegistrySettings(read),
    redis: {
      ...readRedisSettings(read),
      commandTimeoutMs: read.integer('REDIS_TIMEOUT_MS', 2_000, { min: 50, max: 60_000 }),
    },
    redisKeyPrefix: read.text('REDIS_KEY_PREFIX', ''),
    /** Where the `Location` of an answer points; without a slash at its end. */
    queryApiUrl: read.url('QUERY_API_URL', ['http://', 'https://']),
    /** A request that was accepted but not confirmed by then is answered with "outcome unknown". */
    answerTimeoutMs: read.integer('ANSWER_TIMEOUT_MS', 5_000, { min: 100, max: 60_000 }),
    /** Requests that may wait for the log in this process; one more is refused before it reserves. */
    maxWaiting: read.integer('MAX_WAITING', 5_000, { min: 1, max: 1_000_000 }),
    /** Events in one send. */
    maxBatch: read.integer('MAX_BATCH', 500, { min: 1, max: 1_000 }),
    sendTimeoutMs: SEND_TIMEOUT_MS,
    /** An event may wait so long in a coupon's outbox before nothing new of it is reserved. */
    maxOutboxAgeMs: read.integer('MAX_OUTBOX_AGE_MS', 5_000, { min: 100, max: 600_000 }),
    relay: {
      intervalMs: read.integer('RELAY_INTERVAL_MS', 1_000, { min: 50, max: 60_000 }),
      /** The relay leaves events alone that are younger: their own process is about to confirm them. */
      minAgeMs: read.integer('RELAY_MIN_AGE_MS', 2_000, { min: 0, max: 60_000 }),
    },
    /** How long a rebuild waits for an isolated old master to stop: Redis' min-replicas-max-lag. */
    rebuildLagMs: read.integer('REBUILD_LAG_MS', 0, { min: 0, max: 600_000 }),
    /** How long an Idempotency-Key of an assignment is remembered. */
    idempotencyTtlMs: read.integer('IDEMPOTENCY_TTL_MS', 48 * 3_600_000, {
      min: 24 * 3_600_000,
      max: 366 * 24 * 3_600_000,
    }),
  });
  read.finish();
  return settings;
}
