// Every setting of the projector, read once at start.
import { type Environment, readSettings } from '../platform/settings.ts';
import { readTelemetrySettings } from '../platform/telemetry.ts';

/**
 * The settings in these environment values.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseProjectorSettings(env: Environment) {
  const read = readSettings(env);
  const settings = Object.freeze({
    logLevel: read.oneOf('LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error']),
    telemetry: readTelemetrySettings(read),
    http: { host: read.required('HTTP_HOST'), port: read.port('HTTP_PORT') },
    kafka: { brokers: read.hosts('KAFKA_BROKERS'), clientId: 'firstcome-projector' },
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    /** The consumer group of the event topics; that of the dead letters is named after it. */
    consumerGroup: read.text('CONSUMER_GROUP', 'firstcome-projector'),
    /** Records that one transaction applies at most. */
    batchSize: read.integer('BATCH_SIZE', 500, { min: 1, max: 5_000 }),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    mysql: {
      url: read.url('MYSQL_URL', ['mysql://']),
      poolSize: read.integer('MYSQL_POOL_SIZE', 10, { min: 1, max: 200 }),
    },
  });
  read.finish();
  return settings;
}

export type ProjectorSettings = ReturnType<typeof parseProjectorSettings>;
