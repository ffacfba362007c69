// Where the system to verify is, read from environment values.
import { type Environment, readSettings } from '../platform/settings.ts';

/** Where the system is, and its prefixes. */
export type VerifySettings = {
  kafkaBrokers: string[];
  registryUrl: string;
  redisUrl: string;
  mysqlUrl: string;
  topicPrefix: string;
  redisKeyPrefix: string;
};

/**
 * The settings in these environment values.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseVerifySettings(env: Environment): VerifySettings {
  const read = readSettings(env);
  const settings: VerifySettings = {
    kafkaBrokers: read.hosts('KAFKA_BROKERS'),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    redisUrl: read.url('REDIS_URL', ['redis://', 'rediss://']),
    mysqlUrl: read.url('MYSQL_URL', ['mysql://']),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    redisKeyPrefix: read.text('REDIS_KEY_PREFIX', ''),
  };
  read.finish();
  return settings;
}
