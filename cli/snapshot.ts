// firstcome snapshot: a snapshot of the log, so that the next rebuild of Redis reads only what came later.
import { type Command, Option } from 'commander';
import { pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../redis-rebuild/log.ts';
import { type SnapshotResult, takeSnapshot } from '../redis-rebuild/snapshot/take-snapshot.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { openLog } from './shared/connect.ts';
import { EXIT_CODE, type ExitCode, endingWith } from './shared/exit-code.ts';
import { decimal, wholeNumber } from './shared/option-values.ts';
import { createOutput, type Output, withJsonOption } from './shared/output.ts';
import { secondsSinceMs } from './shared/seconds.ts';
import { stopOnSignals } from './shared/stop-signal.ts';

const MINUTE_MS = 60_000;
/** The most that a timer can wait. */
const MAX_MINUTES = Math.floor(2 ** 31 / MINUTE_MS);
const MIN_RECORDS_OF_EVERY = 10_000;

type Options = { every?: number; minRecords?: number; json?: boolean };

export function defineSnapshot(command: Command): void {
  command
    .description(
      'Writes what the event topics come to into coupon-snapshots: the newest snapshot, and what the ' +
        'log has got since. A rebuild of Redis then reads only what came later. Nothing that serves ' +
        'is touched. Two at once do no harm. The newest two are kept.',
    )
    .addOption(
      new Option('--every <minutes>', 'go on, and make one so often, until SIGTERM or SIGINT')
        .argParser(decimal({ above: 0, max: MAX_MINUTES }))
        .conflicts('json'),
    )
    .option(
      '--min-records <n>',
      `none when the log has got fewer records since the newest (default: 0, with --every ${MIN_RECORDS_OF_EVERY})`,
      wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    );
  withJsonOption(command).action(endingWith(runSnapshot));
}

async function runSnapshot({ every, minRecords, json }: Options): Promise<ExitCode> {
  const signal = stopOnSignals();
  const output = createOutput({ json });
  const log = await openLog(
    'snapshot',
    readAddresses(systemEnvironment(), ['kafka', 'registry', 'topicPrefix']),
  );
  if (every === undefined) {
    await takeOne(log, minRecords ?? 0, output, signal);
    return EXIT_CODE.done;
  }
  while (!signal.aborted) {
    try {
      await takeOne(log, minRecords ?? MIN_RECORDS_OF_EVERY, output, signal);
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof AppError && error.retriable === true)) throw error;
      console.error(`no snapshot this time, the next one is tried as planned: ${error.message}`);
    }
    await pause(every * MINUTE_MS, signal);
  }
  output.progress('stopped');
  return EXIT_CODE.done;
}

async function takeOne(
  log: Log,
  minRecords: number,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now();
  const result = await takeSnapshot({ ...log, minRecords, report: output.progress, signal });
  output.result(result, `${formatSnapshot(result)}, in ${secondsSinceMs(startedMs)} s`);
}

function formatSnapshot(result: SnapshotResult): string {
  if (result.kind === 'not-needed') return `nothing to do: ${result.newRecords} new records`;
  const { completed, recordsRead, stoppedAt } = result;
  const { snapshotId, coupons, assignments, records, chunks } = completed;
  return [
    ...stoppedAt.map((place) => `it ends before a record that nobody can read: ${place}`),
    `snapshot ${snapshotId}: ${coupons} coupons, ${assignments} assignments in ${chunks} chunks, ` +
      `for ${records} records, of which ${recordsRead} were read`,
  ].join('\n');
}
