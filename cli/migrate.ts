// firstcome migrate: everything that has to be there before a service starts. Safe to repeat.
import type { Command } from 'commander';
import { migrate } from '../admin/migrate.ts';
import { readLostRecords } from '../redis-rebuild/log-start.ts';
import { readAddresses, systemEnvironment } from './shared/addresses.ts';
import { openLog } from './shared/connect.ts';
import { type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { wholeNumber } from './shared/option-values.ts';
import { createOutput, withJsonOption } from './shared/output.ts';

/** Every partition costs each broker files and memory, and a rebuild a marker. */
const MAX_PARTITIONS = 1_000;

type Options = { assignPartitions?: number; json?: boolean };

export function defineMigrate(command: Command): void {
  command
    .description(
      'Makes topics, schemas and tables, and brings those that exist up to this version. Safe to repeat.',
    )
    .option(
      '--assign-partitions <n>',
      'at least n partitions for assignments (3 to begin with); they are used from the next ' +
        'rebuild-redis on, and can not be taken away again',
      wholeNumber({ min: 0, max: MAX_PARTITIONS }),
    );
  withJsonOption(command).action(endingWith(runMigrate));
}

async function runMigrate({ assignPartitions, json }: Options): Promise<ExitCode> {
  const output = createOutput({ json });
  const addresses = readAddresses(systemEnvironment(), [
    'kafka',
    'registry',
    'mysql',
    'topicPrefix',
  ]);
  const wanted = assignPartitions === undefined ? {} : { assignPartitions };
  const result = await migrate({ ...addresses, ...wanted }, output.progress);
  const lost = await readLostRecords(await openLog('migrate', addresses));
  for (const line of lost) output.progress(`log      ${line}`);
  if (json === true) output.result({ ...result, lost }, '');
  return exitCodeOf(lost.length === 0);
}
