// A rush on a running system, with everything after it: the users, the read side, the invariants.
import type { Environment } from '../../platform/settings.ts';
import { describeVerification } from '../../verifier/format-verification.ts';
import { parseVerifySettings } from '../../verifier/settings.ts';
import { type Verification, verify } from '../../verifier/verify.ts';
import { formatRush } from '../report/format-rush.ts';
import { createProgressDisplay } from '../report/show-progress.ts';
import type { RushResult } from '../report/tally.ts';
import { parseApiUrls } from '../settings.ts';
import { type Arrival, awaitProjection } from './await-projection.ts';
import { type RushOptions, runRush } from './rush.ts';

export type RushReport = {
  result: RushResult;
  arrival: Arrival;
  /** null: it was not asked for, or the signal came first. */
  verification: Verification | null;
  /** Every user was answered, the read side has it all, no invariant is broken. */
  ok: boolean;
};

type Workload = Pick<
  RushOptions,
  'quantity' | 'users' | 'connections' | 'rate' | 'timeoutMs' | 'deadlineMs' | 'ledgerFile'
>;

/** The reference's rush: 20,000 units, 200 connections, and more users than units. */
export const REFERENCE_WORKLOAD: Workload = {
  quantity: 20_000,
  users: 25_000,
  connections: 200,
  rate: null,
  timeoutMs: 10_000,
  deadlineMs: 120_000,
  ledgerFile: null,
};

const PROJECTION_WAIT_MS = 60_000;

/**
 * Runs the rush and prints its report.
 * @param options.variables the addresses: COMMAND_API_URL, QUERY_API_URL and those of the verifier
 * @param options.print gets the report, in two parts; to stdout when not said
 * @throws AppError SETTINGS_INVALID; Error when the coupon can't be created; what `verify` throws
 */
export async function rushAndReport(options: {
  variables: Environment;
  signal: AbortSignal;
  workload?: Partial<Workload>;
  withVerification?: boolean;
  print?: (text: string) => void;
}): Promise<RushReport> {
  const { variables, signal, print = console.log } = options;
  const { commandApiUrl, queryApiUrl } = parseApiUrls(variables);
  const workload = { ...REFERENCE_WORKLOAD, ...options.workload };
  const display = createProgressDisplay();
  const { result, ledger, lastAnswerAt } = await runRush({
    ...workload,
    commandApiUrl,
    signal,
    report: display.show,
  }).finally(display.end);
  const arrival = await awaitProjection({
    queryApiUrl,
    couponId: result.couponId,
    accepted: result.accepted,
    since: lastAnswerAt,
    waitMs: PROJECTION_WAIT_MS,
    signal,
  });
  print(formatRush(workload, result, arrival));
  const isWanted = options.withVerification !== false && !signal.aborted;
  const verification = isWanted ? await verify(parseVerifySettings(variables), { ledger }) : null;
  if (verification !== null) print(`\n${describeVerification(verification)}\n`);
  const isAnswered = result.notAsked === 0 && ledger.unknownUsers.size === 0;
  const ok = isAnswered && arrival.kind === 'arrived' && verification?.ok !== false;
  return { result, arrival, verification, ok };
}
