// Every setting of the projector, read once at start.
import { readKafkaSettings } from '../platform/connections/kafka-settings.ts';
import { readMysqlSettings } from '../platform/connections/mysql-settings.ts';
import { readRegistrySettings } from '../platform/connections/registry-settings.ts';
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
    http: { host: read.host('HTTP_HOST'), port: read.port('HTTP_PORT') },
    kafka: { ...readKafkaSettings(read), clientId: 'firstcome-projector' },
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    /** The consumer group of the event topics; that of the dead letters is named after it. */
    consumerGroup: read.text('CONSUMER_GROUP', 'firstcome-projector'),
    /** Records that one transaction applies at most. */
    batchSize: read.integer('BATCH_SIZE', 500, { min: 1, max: 5_000 }),
    registry: readRegistrySettings(read),
    mysql: {
      ...readMysqlSettings(read),
      poolSize: read.integer('MYSQL_POOL_SIZE', 10, { min: 1, max: 200 }),
    },
  });
  read.finish();
  return settings;
}

export type ProjectorSettings = ReturnType<typeof parseProjectorSettings>;
