// Where the system to verify is, read from environment values.
import { type KafkaConnection, readKafkaSettings } from '../platform/connections/kafka-settings.ts';
import { type MysqlConnection, readMysqlSettings } from '../platform/connections/mysql-settings.ts';
import { type RedisConnection, readRedisSettings } from '../platform/connections/redis-settings.ts';
import {
  type RegistrySettings,
  readRegistrySettings,
} from '../platform/connections/registry-settings.ts';
import { type Environment, readSettings } from '../platform/settings.ts';

/** Where the system is, and its prefixes. */
export type VerifySettings = {
  kafka: KafkaConnection;
  registry: RegistrySettings;
  redis: RedisConnection;
  mysql: MysqlConnection;
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
    kafka: readKafkaSettings(read),
    registry: readRegistrySettings(read),
    redis: readRedisSettings(read),
    mysql: readMysqlSettings(read),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
    redisKeyPrefix: read.text('REDIS_KEY_PREFIX', ''),
  };
  read.finish();
  return settings;
}
