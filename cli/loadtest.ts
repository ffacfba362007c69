// firstcome loadtest: a rush on the running system.
import type { Command } from 'commander';
import { LIMITS } from '../domain/commands.ts';
import { formatRush } from '../loadtest/report/format-rush.ts';
import type { RushResult } from '../loadtest/report/tally.ts';
import { formatRatio, measureBaseline, WARM_UP_USERS } from '../loadtest/scenarios/baseline.ts';
import { REFERENCE_WORKLOAD, rushAndReport } from '../loadtest/scenarios/run-rush.ts';
import type { Environment } from '../platform/settings.ts';
import { systemEnvironment } from './shared/addresses.ts';
import { type ExitCode, endingWith, exitCodeOf } from './shared/exit-code.ts';
import { wholeNumber } from './shared/option-values.ts';
import { createOutput, withJsonOption } from './shared/output.ts';
import { stopOnSignals } from './shared/stop-signal.ts';

type Workload = typeof REFERENCE_WORKLOAD;
type Options = {
  users: number;
  quantity: number;
  connections: number;
  rate?: number;
  timeout: number;
  deadline: number;
  ledger?: string;
  baseline?: boolean;
  verify: boolean;
  json?: boolean;
};

export function defineLoadtest(command: Command): void {
  const { users, quantity, connections, timeoutMs, deadlineMs } = REFERENCE_WORKLOAD;
  const upTo = (max: number) => wholeNumber({ min: 1, max });
  command
    .description(
      'Lets users ask for one coupon, each once. Exit code 0 when everybody was answered, the read ' +
        'model has it all and every invariant holds.',
    )
    .option('--users <n>', 'who come, each once', upTo(10_000_000), users)
    .option(
      '--quantity <n>',
      'units of the coupon',
      wholeNumber({ min: 0, max: LIMITS.quantity }),
      quantity,
    )
    .option(
      '--connections <n>',
      'connections, each with one request at a time',
      upTo(10_000),
      connections,
    )
    .option(
      '--rate <n>',
      'users a second, however slow the answers are (0, the default: all at once)',
      wholeNumber({ min: 0, max: 1_000_000 }),
    )
    .option(
      '--timeout <ms>',
      'silence that counts as a lost connection',
      wholeNumber({ min: 10, max: 600_000 }),
      timeoutMs,
    )
    .option('--deadline <s>', 'after that nobody asks any more', upTo(86_400), deadlineMs / 1_000)
    .option('--ledger <file>', 'writes what each user asked and was answered, as JSON lines')
    .option(
      '--baseline',
      'measure a bare express server too, and print the ratio; both are warmed up',
    )
    .option('--no-verify', 'leave the invariants out');
  withJsonOption(command).action(endingWith(runLoadtest));
}

async function runLoadtest(options: Options): Promise<ExitCode> {
  const output = createOutput(options);
  const workload = toWorkload(options);
  const signal = stopOnSignals();
  const variables = systemEnvironment();
  const print = options.json === true ? () => undefined : output.progress;
  const baseline =
    options.baseline === true
      ? await compareWithBareServer(workload, { variables, signal, print })
      : null;
  const report = await rushAndReport({
    variables,
    signal,
    workload,
    withVerification: options.verify,
    print,
  });
  if (baseline !== null) print(formatRatio(report.result, baseline));
  if (options.json === true) output.result({ ...report, baseline }, '');
  return exitCodeOf(report.ok);
}

/** Measures the bare server, then warms the system up, as the bare server was. */
async function compareWithBareServer(
  workload: Workload,
  run: { variables: Environment; signal: AbortSignal; print: (text: string) => void },
): Promise<RushResult> {
  const { variables, signal, print } = run;
  const baseline = await measureBaseline({ ...workload, signal, report: () => undefined });
  print(`bare express: ${formatRush(workload, baseline, null)}\n`);
  await rushAndReport({
    variables,
    signal,
    workload: { ...workload, users: WARM_UP_USERS, rate: null, ledgerFile: null },
    withVerification: false,
    print: () => undefined,
  });
  return baseline;
}

function toWorkload(options: Options): Workload {
  const { users, quantity, connections, rate, timeout, deadline, ledger } = options;
  return {
    users,
    quantity,
    connections,
    rate: rate || null,
    timeoutMs: timeout,
    deadlineMs: deadline * 1_000,
    ledgerFile: ledger ?? null,
  };
}
