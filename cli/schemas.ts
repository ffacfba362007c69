// npm run schemas: looks into the registry and at records of the log.

import { checkSchemas } from '../admin/schemas/check-schemas.ts';
import { describeRecord } from '../admin/schemas/format-record.ts';
import { readOwnSchemas, registerSchemas } from '../admin/schemas/register-schemas.ts';
import { createRegistryApi, type RegistryApi } from '../admin/schemas/registry-api.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { createKafka } from '../platform/kafka/client.ts';
import { createLogger } from '../platform/logger.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { withRunEnv } from './shared/run-env.ts';

const USAGE = `npm run schemas -- COMMAND

  list                             every subject: versions, schema ids, compatibility
  show SUBJECT [VERSION]           a schema as it was registered; the newest when no version is said
  check                            compares schemas/ with the registry; exit code 1 when they differ
  register                         registers what is missing (npm run migrate does so, too)
  decode TOPIC PARTITION OFFSET    one record of the log, readable; any topic

Addresses come from KAFKA_BROKERS, SCHEMA_REGISTRY_URL and TOPIC_PREFIX, or else from the running
npm start.`;

/** What a command says, and whether all was well. */
type Answer = { ok: boolean; text: string };
type Context = { registry: RegistryApi; registryUrl: string; topicPrefix: string };
type Command = (context: Context, args: string[], env: Environment) => Promise<Answer>;

const COMMANDS: Readonly<Record<string, Command>> = { list, show, check, register, decode };

async function run(args: string[]): Promise<Answer> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return { ok: name === 'help', text: USAGE };
  const env = withRunEnv(process.env, ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL']);
  const read = readSettings(env);
  const registryUrl = read.url('SCHEMA_REGISTRY_URL', ['http://', 'https://']);
  const topicPrefix = read.text('TOPIC_PREFIX', '');
  read.finish();
  return command({ registry: createRegistryApi(registryUrl), registryUrl, topicPrefix }, rest, env);
}

async function list({ registry, topicPrefix }: Context): Promise<Answer> {
  const subjects = (await registry.subjects()).filter((name) => name.startsWith(topicPrefix));
  if (subjects.length === 0)
    return { ok: true, text: 'no subject: npm run migrate registers them' };
  const rows = await Promise.all(
    subjects.map(async (subject) => {
      const versions = (await registry.versions(subject)) ?? [];
      const ids = await Promise.all(
        versions.map(async (version) => (await registry.version(subject, version))?.id ?? '?'),
      );
      const level = (await registry.levelOf(subject)) ?? 'not set';
      return [subject, versions.join(','), ids.join(','), level];
    }),
  );
  return { ok: true, text: table([['SUBJECT', 'VERSIONS', 'IDS', 'COMPATIBILITY'], ...rows]) };
}

async function show({ registry }: Context, [subject, version]: string[]): Promise<Answer> {
  if (subject === undefined) return usageFault('show needs a subject');
  const versions = await registry.versions(subject);
  if (versions === null) return { ok: false, text: `there is no subject ${subject}` };
  const wanted = version === undefined ? versions.at(-1) : Number(version);
  if (wanted === undefined || !versions.includes(wanted)) {
    return { ok: false, text: `${subject} has the versions ${versions.join(', ')}` };
  }
  const found = await registry.version(subject, wanted);
  if (found === null) return { ok: false, text: `${subject} has no version ${wanted} any more` };
  const schema = JSON.stringify(JSON.parse(found.schema), undefined, 2);
  return { ok: true, text: `${subject} version ${found.version}, id ${found.id}\n${schema}` };
}

async function check({ registry, topicPrefix }: Context): Promise<Answer> {
  const checks = await checkSchemas(registry, topicPrefix, readOwnSchemas());
  const rows = checks.map(({ subject, state, faults }) => [
    faults.length === 0 ? 'ok' : 'FAULT',
    subject,
    [state, ...faults].join('; '),
  ]);
  return { ok: checks.every(({ faults }) => faults.length === 0), text: table(rows) };
}

async function register({ registryUrl, topicPrefix }: Context): Promise<Answer> {
  const reports = await registerSchemas(registryUrl, topicPrefix, readOwnSchemas());
  const rows = reports.map(({ subject, kind, version, id }) => [
    kind === 'registered' ? 'registered' : 'there before',
    subject,
    `version ${version}, id ${id}`,
  ]);
  return { ok: true, text: table(rows) };
}

async function decode(
  { registry, topicPrefix }: Context,
  [topic, partition, offset]: string[],
  env: Environment,
): Promise<Answer> {
  const isWhole = (text: string | undefined): text is string => /^\d{1,18}$/.test(text ?? '');
  if (topic === undefined || !isWhole(partition) || !isWhole(offset)) {
    return usageFault('decode needs a topic, a partition and an offset');
  }
  const read = readSettings(env);
  const brokers = read.hosts('KAFKA_BROKERS');
  read.finish();
  const kafka = createKafka(
    { brokers, clientId: 'firstcome-schemas' },
    createLogger('schemas', 'error'),
  );
  const described = await describeRecord(kafka, registry, {
    topic: `${topicPrefix}${topic}`,
    partition: Number(partition),
    offset: BigInt(offset),
  });
  return described.kind === 'found'
    ? { ok: true, text: described.text }
    : { ok: false, text: described.reason };
}

function usageFault(reason: string): Answer {
  return { ok: false, text: `${reason}\n\n${USAGE}` };
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

try {
  const { ok, text } = await run(process.argv.slice(2));
  console.log(text);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`);
  process.exitCode = 1;
}
