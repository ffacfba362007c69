// npm run migrate: everything that has to be there before a service starts. Safe to repeat.
import { parseArgs } from 'node:util';
import { migrateToLatest } from '../admin/migrations.ts';
import {
  readOwnSchemas,
  registerSchemas,
  type SubjectReport,
} from '../admin/schemas/register-schemas.ts';
import { createTopics, type TopicReport } from '../admin/topics.ts';
import { EVENT_TOPICS } from '../contracts/topics.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { createMysql } from '../platform/mysql.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { withRunEnv } from './shared/run-env.ts';

export type MigrateSettings = {
  kafkaBrokers: string[];
  registryUrl: string;
  mysqlUrl: string;
  topicPrefix: string;
  /** At least so many partitions for assignments; there may be more already. */
  assignPartitions?: number;
};

const USAGE = `npm run migrate -- [--assign-partitions N]
  Makes topics, schemas and tables, and brings those that are there up to this version. Safe to repeat.
  --assign-partitions N   at least N partitions for assignments (3 to begin with); they are used from
                          the next npm run rebuild:redis on, and can't be taken away again
Addresses: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, MYSQL_URL, TOPIC_PREFIX; without any of them, those of
the running npm start.`;

const ADDRESSES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'MYSQL_URL'];
/** Every partition costs each broker files and memory, and a rebuild a marker. */
const MAX_PARTITIONS = 1_000;

/** What each step found or did. */
export type MigrateResult = {
  topics: TopicReport[];
  subjects: SubjectReport[];
  /** File names of the migrations that ran now. */
  migrations: string[];
};

/**
 * The settings of `migrate` in these environment values.
 * @throws AppError SETTINGS_INVALID naming every fault
 */
export function parseMigrateSettings(env: Environment): MigrateSettings {
  const read = readSettings(env);
  const settings: MigrateSettings = {
    kafkaBrokers: read.hosts('KAFKA_BROKERS'),
    registryUrl: read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']),
    mysqlUrl: read.url('MYSQL_URL', ['mysql://']),
    topicPrefix: read.text('TOPIC_PREFIX', ''),
  };
  read.finish();
  return settings;
}

/**
 * Topics, schemas, tables: in this order, each step safe to repeat. The first epoch is opened by the
 * first command API that starts.
 * @param report gets one line per step, with what was done and how long it took
 * @throws AppError of the step that failed, or STARTUP_FAILED; the steps before it stay done
 */
export async function migrate(
  settings: MigrateSettings,
  report: (line: string) => void,
): Promise<MigrateResult> {
  const logger = createLogger('migrate', 'error');
  const kafka = createKafka(
    { brokers: settings.kafkaBrokers, clientId: 'firstcome-migrate' },
    logger,
  );
  const step = async <T>(name: string, run: () => Promise<T>, say: (result: T) => string) => {
    const startedMs = performance.now();
    const result = await run().catch((error: unknown) => {
      throw failureOf(name, error);
    });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    report(`${name.padEnd(8)} ${say(result)} (${seconds} s)`);
    return result;
  };
  const topics = await step(
    'topics',
    () => createTopics(kafka, settings.topicPrefix, settings.assignPartitions),
    sayTopics,
  );
  for (const topic of topics) {
    if (topic.kind === 'widened') report(sayWidened(topic, settings.topicPrefix));
  }
  const subjects = await step(
    'schemas',
    () => registerSchemas(settings.registryUrl, settings.topicPrefix, readOwnSchemas()),
    saySubjects,
  );
  const migrations = await step('tables', () => migrateTables(settings.mysqlUrl), sayMigrations);
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

async function migrateTables(mysqlUrl: string): Promise<string[]> {
  const db = createMysql({ url: mysqlUrl, poolSize: 1 });
  try {
    return await migrateToLatest(db);
  } finally {
    await db.destroy();
  }
}

function sayTopics(topics: TopicReport[]): string {
  const widened = countOf(topics, 'widened');
  return (
    `${countOf(topics, 'created')} created, ${countOf(topics, 'there') + widened} there before` +
    (widened > 0 ? `, ${widened} of them widened` : '')
  );
}

function sayWidened(
  { topic, partitions }: TopicReport & { kind: 'widened' },
  topicPrefix: string,
): string {
  const isOfEvents = EVENT_TOPICS.some((name) => topicPrefix + name === topic);
  const next = isOfEvents ? '; they are used after: npm run rebuild:redis' : '';
  return `         ${topic} has ${partitions} partitions now${next}`;
}

function saySubjects(subjects: SubjectReport[]): string {
  return `${countOf(subjects, 'registered')} registered, ${countOf(subjects, 'there')} there before`;
}

function parsePartitionCount(text = '0'): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= MAX_PARTITIONS) return count;
  const reason = `--assign-partitions is a number up to ${MAX_PARTITIONS}, not ${JSON.stringify(text)}`;
  throw new AppError('SETTINGS_INVALID', reason, { retriable: false });
}

function countOf(reports: readonly { kind: string }[], kind: string): number {
  return reports.filter((report) => report.kind === kind).length;
}

function sayMigrations(files: string[]): string {
  return files.length === 0 ? 'newest before' : `${files.length} migration(s) ran`;
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: { 'assign-partitions': { type: 'string' }, help: { type: 'boolean' } },
    });
    if (values.help === true) console.log(USAGE);
    else {
      const settings = parseMigrateSettings(withRunEnv(process.env, ADDRESSES));
      const assignPartitions = parsePartitionCount(values['assign-partitions']);
      await migrate({ ...settings, assignPartitions }, console.log);
    }
  } catch (error) {
    console.error(`migrate failed: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
