// firstcome rebuild-reads: the read tables anew from the log, beside the live ones, then a swap.
import type { Command } from 'commander';
import { createMysql } from '../platform/mysql.ts';
import {
  REBUILD_CONNECTIONS,
  REBUILD_STATEMENTS,
  type RebuildReadsResult,
  rebuildReads,
} from '../projector/rebuild/rebuild-reads.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { openLog } from './shared/connect.ts';
import { EXIT_CODE, type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { createOutput, type Output, withJsonOption } from './shared/output.ts';

const TIMEOUT_MS = 15_000;

type Options = { check?: boolean; json?: boolean };

export function defineRebuildReads(command: Command): void {
  command
    .description(
      'Makes coupons, counters, assignments and checkpoints anew from the log, beside the live tables ' +
        'and while projector and query API go on; says what differs from the live ones; swaps all at ' +
        'once. dead_letters stays as it is: what is parked or discarded there is not applied. The user ' +
        'of MYSQL_URL must be allowed to create, drop and rename tables. It may be stopped at any point ' +
        'and run again.',
    )
    .option('--check', 'only compare; exit code 1 when the live tables differ');
  withJsonOption(command).action(endingWith(runRebuildReads));
}

async function runRebuildReads({ check = false, json }: Options): Promise<ExitCode> {
  const output = createOutput({ json });
  const { mysql, ...addresses } = readAddresses(systemEnvironment(), [
    'kafka',
    'registry',
    'mysql',
    'topicPrefix',
  ]);
  const db = createMysql({
    ...mysql,
    poolSize: REBUILD_CONNECTIONS,
    sessionStatements: REBUILD_STATEMENTS,
    timeoutMs: TIMEOUT_MS,
  });
  try {
    const log = await openLog('rebuild-reads', addresses);
    return tellResult(
      await rebuildReads({ ...log, db, checkOnly: check, report: output.progress }),
      output,
    );
  } finally {
    await db.destroy();
  }
}

function tellResult(result: RebuildReadsResult, output: Output): ExitCode {
  if (result.kind === 'held-by-another') {
    output.result(result, 'another rebuild of these tables is on its way; nothing was done');
    return EXIT_CODE.failed;
  }
  const differing = result.comparisons.reduce(
    (sum, { different, onlyLive, onlyNext }) => sum + different + onlyLive + onlyNext,
    0,
  );
  if (result.kind === 'swapped') {
    output.result(
      result,
      differing === 0 ? 'every row was as it should be' : `${differing} row(s) mended`,
    );
    return EXIT_CODE.done;
  }
  output.result(
    result,
    differing === 0 ? 'the live tables are as they should be' : `${differing} faulty row(s)`,
  );
  return exitCodeOf(differing === 0);
}
