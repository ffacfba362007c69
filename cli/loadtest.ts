// npm run loadtest: a rush on the running system.
import { parseArgs } from 'node:util';
import { LIMITS } from '../domain/commands.ts';
import { describeRush } from '../loadtest/report/format-rush.ts';
import type { RushResult } from '../loadtest/report/tally.ts';
import { describeRatio, measureBaseline, WARM_UP_USERS } from '../loadtest/scenarios/baseline.ts';
import { REFERENCE_CROWD, rushAndReport } from '../loadtest/scenarios/run-rush.ts';
import { AppError, messageOf } from '../platform/errors.ts';
import { type Environment, readSettings } from '../platform/settings.ts';
import { withRunEnv } from './shared/run-env.ts';

const USAGE = `npm run loadtest -- [options]
  --users N         who come, each once (25000)
  --quantity N      units of the coupon (20000)
  --connections N   connections, each with one request at a time (200)
  --rate N          users a second, however slow the answers are (all at once)
  --timeout MS      silence that is taken for a lost connection (10000)
  --deadline S      after that nobody asks any more (120)
  --ledger FILE     what each user asked and was told, as JSON lines
  --baseline        measures a bare express server too, and prints the ratio; both are warmed up
  --no-verify       leaves the invariants out
  --json            the results as JSON
Ends with 0 when everybody was answered, the read model has it all and every invariant holds.
Addresses: COMMAND_API_URL, QUERY_API_URL and those of npm run verify; without any of them, those
of the running npm start.`;

const ADDRESSES = [
  'COMMAND_API_URL',
  'QUERY_API_URL',
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'REDIS_URL',
  'MYSQL_URL',
];

try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  console.error(`${messageOf(error)}${isSetting ? `\n\n${USAGE}` : ''}`);
  process.exitCode = 1;
}

async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      users: { type: 'string' },
      quantity: { type: 'string' },
      connections: { type: 'string' },
      rate: { type: 'string' },
      timeout: { type: 'string' },
      deadline: { type: 'string' },
      ledger: { type: 'string' },
      baseline: { type: 'boolean', default: false },
      verify: { type: 'boolean', default: true },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const { users, quantity, connections, rate, timeout, deadline, ledger } = values;
  const workload = parseWorkload({ users, quantity, connections, rate, timeout, deadline, ledger });
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const { signal } = interrupted;
  const variables = withRunEnv(process.env, ADDRESSES);
  const print = values.json ? () => undefined : console.log;

  let baseline: RushResult | null = null;
  if (values.baseline) {
    baseline = await measureBaseline({ ...workload, signal, report: () => undefined });
    print(`bare express: ${describeRush(workload, baseline, null)}\n`);
    await rushAndReport({
      variables,
      signal,
      workload: { ...workload, users: WARM_UP_USERS, rate: null, ledgerFile: null },
      withVerification: false,
      print: () => undefined,
    });
  }
  const report = await rushAndReport({
    variables,
    signal,
    workload,
    withVerification: values.verify,
    print,
  });
  if (baseline !== null) print(describeRatio(report.result, baseline));
  if (values.json) console.log(JSON.stringify({ ...report, baseline }, null, 2));
  return report.ok;
}

type Workload = typeof REFERENCE_CROWD;

/** The numbers of the command line, read as settings are: every fault in one message. */
function parseWorkload(values: Environment): Workload {
  const flags = Object.entries(values).map(([name, value]) => [`--${name}`, value]);
  const read = readSettings(Object.fromEntries(flags));
  const { users, quantity, connections, timeoutMs, deadlineMs } = REFERENCE_CROWD;
  const rate = read.integer('--rate', 0, { min: 0, max: 1_000_000 });
  const workload: Workload = {
    users: read.integer('--users', users, { min: 1, max: 10_000_000 }),
    quantity: read.integer('--quantity', quantity, { min: 0, max: LIMITS.quantity }),
    connections: read.integer('--connections', connections, { min: 1, max: 10_000 }),
    rate: rate === 0 ? null : rate,
    timeoutMs: read.integer('--timeout', timeoutMs, { min: 10, max: 600_000 }),
    deadlineMs: read.integer('--deadline', deadlineMs / 1_000, { min: 1, max: 86_400 }) * 1_000,
    ledgerFile: read.optional('--ledger') ?? null,
  };
  read.finish();
  return workload;
}
