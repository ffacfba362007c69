// firstcome discard: one record of the log that nobody can read is passed over from now on, for good.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type DiscardOutcome, discardRecord } from '../admin/discards/discard-record.ts';
import type { Position } from '../contracts/position.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { openLog } from './shared/connect.ts';
import { type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { shortText, wholeNumber } from './shared/option-values.ts';
import { createOutput, withJsonOption } from './shared/output.ts';

const wholeFromZero = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });

type Options = { because: string; by?: string; json?: boolean };

export function defineDiscard(command: Command): void {
  command
    .description(
      'Discards one record of the log that nobody can read: every reader passes over it from now on, and ' +
        'a rebuild of Redis that ended over it goes on. For good. Only when it is sure that nobody was given ' +
        'anything by it: first try a newer version of this program, or schemas restore. A record that can ' +
        'be read is never discarded.',
    )
    .argument('<topic>', 'its name without TOPIC_PREFIX')
    .argument('<partition>', '', wholeFromZero)
    .argument('<offset>', '', wholeFromZero)
    .requiredOption('--because <text>', 'why', shortText(1_000))
    .option('--by <name>', 'who decided it (default: your user name)', shortText(100));
  withJsonOption(command).action(endingWith(runDiscard));
}

async function runDiscard(
  topic: string,
  partition: number,
  offset: number,
  { because, by = userInfo().username, json }: Options,
): Promise<ExitCode> {
  const log = await openLog(
    'discard',
    readAddresses(systemEnvironment(), ['kafka', 'registry', 'topicPrefix']),
  );
  const position = { topic, partition, offset: BigInt(offset) };
  const outcome = await discardRecord(log, position, { by, because });
  createOutput({ json }).result(outcome, formatDiscard(outcome, position));
  return exitCodeOf(outcome.kind === 'discarded' || outcome.kind === 'discarded-before');
}

function formatDiscard(outcome: DiscardOutcome, { topic, partition, offset }: Position): string {
  const place = `${topic}/${partition} at ${offset}`;
  switch (outcome.kind) {
    case 'discarded':
      return `${place} is discarded`;
    case 'discarded-before':
      return `${place} was discarded before; nothing was done`;
    case 'readable':
      return `${place} can be read and counts: it is not discarded`;
    case 'missing':
      return outcome.reason;
  }
}
