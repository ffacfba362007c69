// The command line of `npm run dead-letters`.
import { parseArgs } from 'node:util';
import type { DeadLetterStatus } from '../../contracts/dead-letter.ts';
import { toUuid } from '../../domain/ids.ts';
import { messageOf } from '../../platform/errors.ts';

export const USAGE = `npm run dead-letters -- COMMAND

  list [FILTERS] [--status STATUS]     parked ones, oldest first; STATUS: parked, redriven, applied,
                                       fenced, discarded or all
  show ID                              one of them: why, headers, the event or its bytes as hex
  redrive WHICH [--dry-run]            gives them to the projector again: applied or parked again
  discard WHICH --because TEXT [--by NAME] [--dry-run]
                                       marks them as never to be applied; the rows stay

  WHICH     IDs, or FILTERS, or --all; an ID may also be of a discarded one (redrive)
  FILTERS   --reason CODE   --topic TOPIC   --coupon ID (where the event can be read)   --limit N

Exit codes: 0 done, 1 some failed, 2 usage. Addresses: MYSQL_URL, KAFKA_BROKERS, SCHEMA_REGISTRY_URL,
TOPIC_PREFIX; without any of them, those of the running npm start.`;

/** The command can't be meant as it stands. */
export class UsageFault extends Error {}

/** A command line that was understood; what was not said is undefined. */
export type Arguments = {
  command: 'list' | 'show' | 'redrive' | 'discard' | 'help';
  ids: number[];
  reason: string | undefined;
  topic: string | undefined;
  couponId: string | undefined;
  limit: number | undefined;
  statuses: readonly DeadLetterStatus[];
  dryRun: boolean;
  because: string;
  by: string | undefined;
};

const COMMANDS = ['list', 'show', 'redrive', 'discard', 'help'] as const;
const STATUSES = ['parked', 'redriven', 'applied', 'fenced', 'discarded'] as const;
const MAX_CHARACTERS = { because: 1_000, by: 100 };

/**
 * Reads the command line.
 * @throws UsageFault when it can't be meant as it stands; nothing was done then
 */
export function readArguments(argv: string[]): Arguments {
  const { values, positionals } = parse(argv);
  const [name = '', ...ids] = positionals;
  const command = values.help ? 'help' : COMMANDS.find((known) => known === name);
  if (command === undefined) throw new UsageFault(`there is no command ${name || '(none)'}`);
  const args: Arguments = {
    command,
    ids: ids.map((id) => wholeNumber('an ID', id)),
    reason: values.reason,
    topic: values.topic,
    couponId: values.coupon === undefined ? undefined : uuid(values.coupon),
    limit: values.limit === undefined ? undefined : wholeNumber('--limit', values.limit),
    statuses: toStatuses(values.status),
    dryRun: values['dry-run'],
    because: shortText('because', values.because) ?? '',
    by: shortText('by', values.by),
  };
  checkMeaning(args, values.all);
  return args;
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        reason: { type: 'string' },
        topic: { type: 'string' },
        coupon: { type: 'string' },
        status: { type: 'string', default: 'parked' },
        limit: { type: 'string' },
        all: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        because: { type: 'string' },
        by: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageFault(messageOf(error));
  }
}

function checkMeaning({ command, ids, reason, topic, couponId, because }: Arguments, all: boolean) {
  const isFiltered = reason !== undefined || topic !== undefined || couponId !== undefined;
  const areNamed = ids.length > 0;
  if (command === 'list' && areNamed) throw new UsageFault('list takes no ID: show does');
  if (command === 'show' && ids.length !== 1) throw new UsageFault('show takes one ID');
  if (command !== 'redrive' && command !== 'discard') return;
  // Nothing is changed by leaving something out.
  if (areNamed ? all || isFiltered : !all && !isFiltered) {
    throw new UsageFault('say which: IDs, or filters, or --all');
  }
  if (command === 'discard' && because === '') {
    throw new UsageFault('discard needs --because "TEXT"');
  }
}

function toStatuses(text: string): readonly DeadLetterStatus[] {
  if (text === 'all') return STATUSES;
  const status = STATUSES.find((known) => known === text);
  if (status === undefined) throw new UsageFault(`there is no status ${text}`);
  return [status];
}

function wholeNumber(what: string, text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageFault(`${what} is a whole number from 1 on`);
  return Number(text);
}

function uuid(text: string): string {
  const id = toUuid(text);
  if (id === null) throw new UsageFault('--coupon takes the id of a coupon');
  return id;
}

function shortText(name: keyof typeof MAX_CHARACTERS, text: string | undefined) {
  const trimmed = text?.trim();
  if ([...(trimmed ?? '')].length > MAX_CHARACTERS[name]) {
    throw new UsageFault(`--${name} takes at most ${MAX_CHARACTERS[name]} characters`);
  }
  return trimmed;
}
