// firstcome schemas: looks into the registry and at records of the log.
import type { Command } from 'commander';
import { checkSchemas } from '../admin/schemas/check-schemas.ts';
import { findLogRecord } from '../admin/schemas/find-record.ts';
import { formatRecord, toReadableRecord } from '../admin/schemas/format-record.ts';
import {
  formatChecks,
  formatRegistrations,
  formatSubjectList,
  formatVersion,
} from '../admin/schemas/format-schemas.ts';
import { findVersion, listSubjects } from '../admin/schemas/list-subjects.ts';
import { pinSchemas, requirePinnedIds } from '../admin/schemas/pin-schemas.ts';
import { readOwnSchemas, registerSchemas } from '../admin/schemas/register-schemas.ts';
import { createRegistryApi } from '../admin/schemas/registry-api.ts';
import { restoreSchemas } from '../admin/schemas/restore-schemas.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { createCommandKafka } from './shared/connect.ts';
import { EXIT_CODE, type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { wholeNumber } from './shared/option-values.ts';
import { createOutput, withJsonOption } from './shared/output.ts';

const wholeFromZero = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });

type Options = { json?: boolean };

export function defineSchemas(command: Command): void {
  command.description('Looks into the registry and at records of the log.');
  withJsonOption(command.command('list'))
    .description('every subject: versions, schema ids, compatibility')
    .action(endingWith(list));
  withJsonOption(command.command('show'))
    .description('a schema as it was registered; the newest when no version is named')
    .argument('<subject>')
    .argument('[version]', '', wholeNumber({ min: 1, max: 1_000_000 }))
    .action(endingWith(show));
  withJsonOption(command.command('check'))
    .description('compare schemas/ with the registry; exit code 1 when they differ')
    .action(endingWith(check));
  withJsonOption(command.command('register'))
    .description('register what is missing (migrate does so, too)')
    .action(endingWith(register));
  withJsonOption(command.command('restore'))
    .description('put schemas that the registry lost back under the ids that the log pins')
    .action(endingWith(restore));
  withJsonOption(command.command('decode'))
    .description('one record of the log, readable; any topic')
    .argument('<topic>', 'its name without TOPIC_PREFIX')
    .argument('<partition>', '', wholeFromZero)
    .argument('<offset>', '', wholeFromZero)
    .action(endingWith(decode));
}

async function list(options: Options): Promise<ExitCode> {
  const { registry, topicPrefix } = openRegistry();
  const subjects = await listSubjects(registry, topicPrefix);
  createOutput(options).result(subjects, formatSubjectList(subjects));
  return EXIT_CODE.done;
}

async function show(
  subject: string,
  version: number | undefined,
  options: Options,
): Promise<ExitCode> {
  const found = await findVersion(openRegistry().registry, subject, version);
  if (found.kind === 'missing') return failWith(found.reason);
  createOutput(options).result(found.version, formatVersion(found.version));
  return EXIT_CODE.done;
}

async function check(options: Options): Promise<ExitCode> {
  const { registry, topicPrefix } = openRegistry();
  const checks = await checkSchemas(registry, topicPrefix, readOwnSchemas());
  createOutput(options).result(checks, formatChecks(checks));
  return exitCodeOf(checks.every(({ faults }) => faults.length === 0));
}

async function register(options: Options): Promise<ExitCode> {
  const { settings, topicPrefix } = openRegistry();
  const kafka = openKafka();
  await requirePinnedIds({ kafka, registry: settings, topicPrefix });
  const reports = await registerSchemas(settings, topicPrefix, readOwnSchemas());
  await pinSchemas({ kafka, registry: settings, topicPrefix }, reports);
  createOutput(options).result(reports, formatRegistrations(reports));
  return EXIT_CODE.done;
}

async function restore(options: Options): Promise<ExitCode> {
  const { settings, topicPrefix } = openRegistry();
  const result = await restoreSchemas({ kafka: openKafka(), registry: settings, topicPrefix });
  const { pinned, restored } = result;
  createOutput(options).result(result, `${pinned} schema ids are pinned; ${restored} restored`);
  return EXIT_CODE.done;
}

async function decode(
  topic: string,
  partition: number,
  offset: number,
  options: Options,
): Promise<ExitCode> {
  const { registry, topicPrefix } = openRegistry();
  const { kafka } = readAddresses(systemEnvironment(), ['kafka']);
  const position = { topic: `${topicPrefix}${topic}`, partition, offset: BigInt(offset) };
  const found = await findLogRecord(createCommandKafka('schemas', kafka), position);
  if (found.kind === 'missing') return failWith(found.reason);
  const record = await toReadableRecord(position, found.record, registry);
  createOutput(options).result(record, formatRecord(record));
  return EXIT_CODE.done;
}

function openRegistry() {
  const { registry, topicPrefix } = readAddresses(systemEnvironment(), ['registry', 'topicPrefix']);
  return { topicPrefix, settings: registry, registry: createRegistryApi(registry) };
}

function openKafka(): KafkaClient {
  return createCommandKafka('schemas', readAddresses(systemEnvironment(), ['kafka']).kafka);
}

function failWith(reason: string): ExitCode {
  console.error(reason);
  return EXIT_CODE.failed;
}
