// The whole system for one test file: topics, schemas, tables and keys of its own, and the three
// services as real processes.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ServiceName, type Services, startServices } from '../../../stack/services.ts';
import { addressOf } from './addresses.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { connectRedis, deleteKeysWith } from './redis.ts';
import { createEventSystem, type EventSystem } from './topics.ts';

export type System = {
  commandApi: string;
  queryApi: string;
  services: Services;
  /** The settings that tools and verifier need to look at this system. */
  variables: Record<string, string>;
  events: EventSystem;
  database: TestDatabase;
  logFile(service: ServiceName): string;
  /** Stops the services and removes what was theirs. */
  close(): Promise<void>;
};

/**
 * Starts a system; `settings` are further settings of single services, `variables` take the place of
 * the addresses of the test run, `restart` brings back a service that dies.
 */
export async function startSystem(
  settings: Partial<Record<ServiceName, Record<string, string>>> = {},
  options: { restart: boolean; variables?: Record<string, string> } = { restart: false },
): Promise<System> {
  const events = await createEventSystem('e2e-');
  const database = await createTestDatabase();
  const variables = {
    KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
    SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
    REDIS_URL: addressOf('REDIS_URL'),
    MYSQL_URL: database.url,
    TOPIC_PREFIX: events.topicPrefix,
    REDIS_KEY_PREFIX: events.topicPrefix,
    CONSUMER_GROUP: `${events.topicPrefix}projector`,
    ...options.variables,
  };
  const folder = mkdtempSync('.firstcome/e2e-');
  let services: Services | undefined;
  const close = async (): Promise<void> => {
    await services?.stop();
    await events.cleanup();
    await database.drop();
    const redis = await connectRedis();
    await deleteKeysWith(redis, events.topicPrefix);
    redis.disconnect();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    services = await startServices({ folder, variables, settings, restart: options.restart });
    return {
      commandApi: services.urls['command-api'],
      queryApi: services.urls['query-api'],
      services,
      variables,
      events,
      database,
      logFile: (service) => join(folder, 'logs', `${service}.log`),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
