// firstcome dead-letters: what the projection could not apply, and what to do with it.
import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import {
  formatDeadLetter,
  formatDeadLetters,
  toReadableDeadLetter,
} from '../admin/dead-letters/format-dead-letters.ts';
import {
  countDeadLettersByStatus,
  discardDeadLetters,
  type ParkedDeadLetter,
  readDeadLetterContent,
  selectDeadLetters,
} from '../admin/dead-letters/parked-dead-letters.ts';
import { redriveDeadLetters } from '../admin/dead-letters/redrive.ts';
import { discardRecord } from '../admin/discards/discard-record.ts';
import { createRegistryApi } from '../admin/schemas/registry-api.ts';
import type { DeadLetterStatus } from '../contracts/dead-letter.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { createCommandKafka, openLog, withMysql } from './shared/connect.ts';
import {
  addFilterOptions,
  addSelectionOptions,
  type FilterOptions,
  requireSelection,
  type SelectionOptions,
  toFilter,
} from './shared/dead-letter-filter.ts';
import { EXIT_CODE, type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { deadLetterId, shortText } from './shared/option-values.ts';
import { createOutput, type Output, withJsonOption } from './shared/output.ts';

const STATUSES = ['parked', 'redriven', 'applied', 'fenced', 'discarded'] as const;
/** Lines of a list when no limit is given. */
const LISTED = 100;
/** As wide as the columns. */
const MAX_CHARACTERS = { because: 1_000, by: 100 };

type ListOptions = FilterOptions & { status: DeadLetterStatus | 'all'; json?: boolean };
type RedriveOptions = SelectionOptions & { json?: boolean };
type DiscardOptions = SelectionOptions & { because: string; by?: string; json?: boolean };

export function defineDeadLetters(command: Command): void {
  command.description('What the projection could not apply, and what to do with it.');
  addFilterOptions(withJsonOption(command.command('list')))
    .description('parked ones, oldest first')
    .addOption(
      new Option('--status <status>', 'those of another status')
        .choices([...STATUSES, 'all'])
        .default('parked'),
    )
    .action(endingWith(list));
  withJsonOption(command.command('show'))
    .description('one of them: why, headers, the event or its bytes as hex')
    .argument('<id>', '', deadLetterId)
    .action(endingWith(show));
  addSelectionOptions(withJsonOption(command.command('redrive')))
    .description(
      'give them to the projector again, which applies them or parks them again; an id may also be ' +
        'of a discarded one',
    )
    .action(endingWith(redrive));
  addSelectionOptions(withJsonOption(command.command('discard')))
    .description(
      'mark them as never to be applied; the rows stay. Those that nobody can read are discarded in the ' +
        'log, too, for good: every reader passes over them',
    )
    .requiredOption('--because <text>', 'why', shortText(MAX_CHARACTERS.because))
    .option('--by <name>', 'who decided it (default: your user name)', shortText(MAX_CHARACTERS.by))
    .action(endingWith(discard));
}

async function list({ status, limit = LISTED, json, ...filter }: ListOptions): Promise<ExitCode> {
  return withTables(async (db) => {
    const deadLetters = await selectDeadLetters(db, {
      ...toFilter(filter),
      statuses: status === 'all' ? STATUSES : [status],
      limit,
    });
    const counts = await countDeadLettersByStatus(db);
    const inAll = [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'none';
    createOutput({ json }).result(
      { deadLetters, counts: Object.fromEntries(counts) },
      withRows(deadLetters, `${deadLetters.length} shown; in all: ${inAll}`),
    );
    return EXIT_CODE.done;
  });
}

async function show(id: number, options: { json?: boolean }): Promise<ExitCode> {
  return withTables(async (db) => {
    const [deadLetter] = await selectDeadLetters(db, { ids: [id] });
    if (deadLetter === undefined) {
      console.error(`there is no dead letter ${id}`);
      return EXIT_CODE.failed;
    }
    const { registry, topicPrefix } = readAddresses(systemEnvironment(), [
      'registry',
      'topicPrefix',
    ]);
    const readable = await toReadableDeadLetter(deadLetter, await readDeadLetterContent(db, id), {
      registry: createRegistryApi(registry),
      topicPrefix,
    });
    createOutput(options).result(readable, formatDeadLetter(readable));
    return EXIT_CODE.done;
  });
}

async function redrive(
  ids: number[],
  { json, ...selection }: RedriveOptions,
  command: Command,
): Promise<ExitCode> {
  requireSelection(ids, selection, command);
  const output = createOutput({ json });
  return withTables(async (db) => {
    const deadLetters = await selectDeadLetters(db, {
      ...toFilter(selection, ids),
      // A discarded one only by its id: that it was discarded was a mistake.
      statuses: ids.length > 0 ? ['parked', 'discarded'] : ['parked'],
    });
    if (selection.dryRun === true) return tellDryRun(deadLetters, '0 redriven, 0 failed', output);
    const { kafka: addresses, topicPrefix } = readAddresses(systemEnvironment(), [
      'kafka',
      'topicPrefix',
    ]);
    const kafka = createCommandKafka('dead-letters', addresses);
    const result = await redriveDeadLetters({ kafka, db, topicPrefix }, deadLetters);
    const { redriven, failed, left } = result;
    for (const { deadLetter, reason } of failed) console.error(`${deadLetter.id}: ${reason}`);
    const counts = `${deadLetters.length} matched, ${redriven} redriven, ${failed.length} failed`;
    const next = '\nthe projector tries them now; list shows what is parked again';
    output.result(
      { matched: deadLetters.length, ...result },
      `${counts}${formatLeft(left)}${redriven > 0 ? next : ''}`,
    );
    return exitCodeOf(failed.length === 0);
  });
}

async function discard(
  ids: number[],
  { because, by = userInfo().username, json, ...selection }: DiscardOptions,
  command: Command,
): Promise<ExitCode> {
  requireSelection(ids, selection, command);
  const output = createOutput({ json });
  return withTables(async (db) => {
    const filter = toFilter(selection, ids);
    const deadLetters = await selectDeadLetters(db, { ...filter, statuses: ['parked'] });
    if (selection.dryRun === true) return tellDryRun(deadLetters, '0 discarded', output);
    const parked = deadLetters.map(({ id }) => id);
    if (deadLetters.length > 0) await discardInLog(deadLetters, { because, by });
    const discarded = await discardDeadLetters(db, parked, { because, by });
    const left = parked.length - discarded;
    output.result(
      { matched: parked.length, discarded, left },
      `${parked.length} matched, ${discarded} discarded${formatLeft(left)}`,
    );
    return EXIT_CODE.done;
  });
}

/** In the log first: a row that is marked must not keep a rebuild of Redis from opening. */
async function discardInLog(
  deadLetters: readonly ParkedDeadLetter[],
  decision: { because: string; by: string },
): Promise<void> {
  const log = await openLog(
    'dead-letters',
    readAddresses(systemEnvironment(), ['kafka', 'registry', 'topicPrefix']),
  );
  // One that can be read, or never was in the log, has nothing to be discarded there.
  for (const { position } of deadLetters) await discardRecord(log, position, decision);
}

function withTables(work: Parameters<typeof withMysql<ExitCode>>[1]): Promise<ExitCode> {
  return withMysql(readAddresses(systemEnvironment(), ['mysql']).mysql, work);
}

function tellDryRun(
  deadLetters: readonly ParkedDeadLetter[],
  nothing: string,
  output: Output,
): ExitCode {
  const counts = `${deadLetters.length} matched, ${nothing} (dry run)`;
  output.result(
    { matched: deadLetters.length, dryRun: true, deadLetters },
    withRows(deadLetters, counts),
  );
  return EXIT_CODE.done;
}

function withRows(deadLetters: readonly ParkedDeadLetter[], lastLine: string): string {
  return deadLetters.length === 0 ? lastLine : `${formatDeadLetters(deadLetters)}\n${lastLine}`;
}

function formatLeft(left: number): string {
  return left === 0 ? '' : `, ${left} dealt with by somebody else`;
}
