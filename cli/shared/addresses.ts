// Where the system is that a command works on.
import { readKafkaSettings } from '../../platform/connections/kafka-settings.ts';
import { readMysqlSettings } from '../../platform/connections/mysql-settings.ts';
import { readRedisSettings } from '../../platform/connections/redis-settings.ts';
import { readRegistrySettings } from '../../platform/connections/registry-settings.ts';
import { type Environment, readSettings, type SettingsReader } from '../../platform/settings.ts';
import { withRunEnv } from './run-env.ts';

const READERS = {
  kafka: readKafkaSettings,
  registry: readRegistrySettings,
  redis: readRedisSettings,
  mysql: readMysqlSettings,
  topicPrefix: (read: SettingsReader) => read.text('TOPIC_PREFIX', ''),
  redisKeyPrefix: (read: SettingsReader) => read.text('REDIS_KEY_PREFIX', ''),
};

/** How to reach each part, and the prefixes of what is this system's in them. */
export type Addresses = { [Name in keyof typeof READERS]: ReturnType<(typeof READERS)[Name]> };

const VARIABLES = [
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'REDIS_URL',
  'REDIS_SENTINELS',
  'MYSQL_URL',
  'COMMAND_API_URL',
  'QUERY_API_URL',
];

/** For the help of every command. */
export const ADDRESSES_HELP = `Addresses: ${VARIABLES.join(', ')},
with the logins and TLS of docs/settings.md, and TOPIC_PREFIX, REDIS_KEY_PREFIX, from the environment;
when no address is set there, those of the running npm start.`;

/** This process' environment, or with what it lacks the one of the running `npm start`. */
export function systemEnvironment(): Environment {
  return withRunEnv(process.env, VARIABLES);
}

/**
 * The addresses of these names.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function readAddresses<Name extends keyof Addresses>(
  env: Environment,
  names: readonly Name[],
): Pick<Addresses, Name> {
  const read = readSettings(env);
  const values = Object.fromEntries(names.map((name) => [name, READERS[name](read)]));
  read.finish();
  return values as Pick<Addresses, Name>;
}
