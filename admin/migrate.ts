// Everything that has to be there before a service starts: topics, schemas, tables.
import type { KafkaConnection } from '../platform/connections/kafka-settings.ts';
import type { MysqlConnection } from '../platform/connections/mysql-settings.ts';
import type { RegistrySettings } from '../platform/connections/registry-settings.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafkaClient } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { formatMigrations, formatSubjects, formatTopics } from './format-migrate.ts';
import { migrateToLatest } from './migrations.ts';
import { pinSchemas, requirePinnedIds } from './schemas/pin-schemas.ts';
import { readOwnSchemas, registerSchemas, type SubjectReport } from './schemas/register-schemas.ts';
import { createTopics, type TopicReport } from './topics.ts';

export type MigrateSettings = {
  kafka: KafkaConnection;
  registry: RegistrySettings;
  mysql: MysqlConnection;
  topicPrefix: string;
  /** At least so many partitions for assignments; there may be more already. */
  assignPartitions?: number;
};

/** What each step found or did. */
export type MigrateResult = {
  topics: TopicReport[];
  subjects: SubjectReport[];
  /** File names of the migrations that ran now. */
  migrations: string[];
};

/**
 * Topics, schemas, tables: in this order, each step safe to repeat. The first epoch is opened by the
 * first command API that starts.
 * @param report gets the lines of each step: what was done, and how long it took
 * @throws AppError of the step that failed, or STARTUP_FAILED; the steps before it stay done
 */
export async function migrate(
  settings: MigrateSettings,
  report: (line: string) => void,
): Promise<MigrateResult> {
  const { registry, mysql, topicPrefix, assignPartitions } = settings;
  const kafka = createKafkaClient(
    { ...settings.kafka, clientId: 'firstcome-migrate' },
    createLogger('migrate', 'error'),
  );
  const step = async <T>(name: string, run: () => Promise<T>, format: (result: T) => string[]) => {
    const startedMs = performance.now();
    const result = await run().catch((error: unknown) => {
      throw failureOf(name, error);
    });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    const [line = '', ...more] = format(result);
    report(`${name.padEnd(8)} ${line} (${seconds} s)`);
    for (const detail of more) report(`${' '.repeat(8)} ${detail}`);
    return result;
  };
  const topics = await step(
    'topics',
    () => createTopics(kafka, topicPrefix, assignPartitions),
    (reports) => formatTopics(reports, topicPrefix),
  );
  const subjects = await step(
    'schemas',
    async () => {
      const parts = { kafka, registry, topicPrefix };
      await requirePinnedIds(parts);
      const reports = await registerSchemas(registry, topicPrefix, readOwnSchemas());
      await pinSchemas(parts, reports);
      return reports;
    },
    formatSubjects,
  );
  const migrations = await step('tables', () => migrateTables(mysql), formatMigrations);
  return { topics, subjects, migrations };
}

function failureOf(step: string, cause: unknown): AppError {
  if (cause instanceof AppError) {
    const { code, retriable, message } = cause;
    const options = retriable === undefined ? { cause } : { cause, retriable };
    return new AppError(code, `${step}: ${message}`, options);
  }
  // A refused connection to a name with two addresses has a code, but no message.
  const { code } = (cause ?? {}) as { code?: unknown };
  return new AppError('STARTUP_FAILED', `${step}: ${messageOf(cause) || String(code)}`, { cause });
}

async function migrateTables(mysql: MysqlConnection): Promise<string[]> {
  const db = createMysql({ ...mysql, poolSize: 1 });
  try {
    return await migrateToLatest(db);
  } finally {
    await db.destroy();
  }
}
