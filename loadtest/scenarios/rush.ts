// The rush: one coupon, and many users who want it at the same time, each once.
import { randomUUID } from 'node:crypto';
import { pause } from '../../platform/backoff.ts';
import type { ClientLedger } from '../../verifier/facts.ts';
import { askUntilAnswered } from '../client/ask-until-answered.ts';
import { assignRequest } from '../client/assign-request.ts';
import { type Connection, createConnection } from '../client/connection.ts';
import { createLoadCoupon } from '../client/create-load-coupon.ts';
import { createLedger, type Ledger } from '../report/ledger.ts';
import { createTally, type RushProgress, type RushResult, type Tally } from '../report/tally.ts';

export type RushOptions = {
  commandApiUrl: string;
  quantity: number;
  users: number;
  connections: number;
  /** Users a second, however slow the answers are (open loop); null: as fast as they are answered. */
  rate: number | null;
  /** Silence of a connection that is taken for a failure. */
  timeoutMs: number;
  /** After so long nobody asks again, and nobody new comes. */
  deadlineMs: number;
  /** Where the ledger is written as JSON lines; null: it is kept in memory only. */
  ledgerFile: string | null;
  /** Called now and then, and once at the end. */
  report: (progress: RushProgress) => void;
  signal: AbortSignal;
};

const REPORT_EVERY_MS = 200;

/**
 * Creates the coupon and sends the users. Requests that fail, or get a 503, are sent again with the
 * same key.
 * @returns what happened, what each user was answered, and when the last answer came (performance.now())
 * @throws Error when the coupon can't be created
 */
export async function runRush(
  options: RushOptions,
): Promise<{ result: RushResult; ledger: ClientLedger; lastAnswerAt: number }> {
  const couponId = await createLoadCoupon(options);
  const ledger = createLedger(options.ledgerFile);
  const tally = createTally(options.users);
  const visitors = prepareVisitors(options, couponId);
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const workload: Workload = { options, ledger, tally, startedAt, waiting: visitors.values() };
  const progress = setInterval(
    () => options.report(tally.progress(performance.now() - startedAt)),
    REPORT_EVERY_MS,
  );
  try {
    await Promise.all(Array.from({ length: options.connections }, () => runConnection(workload)));
  } finally {
    clearInterval(progress);
    await ledger.close();
  }
  options.report(tally.progress(performance.now() - startedAt));
  const cpu = process.cpuUsage(cpuBefore);
  return {
    result: tally.result(couponId, startedAt, cpu.user + cpu.system),
    ledger: ledger.settled(couponId),
    lastAnswerAt: tally.lastAnswerAt() ?? performance.now(),
  };
}

type Visitor = {
  userId: string;
  key: string;
  request: string;
  /** When the user comes, in ms after the start; 0 in a closed loop: as soon as there is a connection. */
  comesAfterMs: number;
};

type Workload = {
  options: RushOptions;
  ledger: Ledger;
  tally: Tally;
  startedAt: number;
  waiting: ArrayIterator<Visitor>;
};

// Made before the clock runs: a request costs the measured time only its sending.
function prepareVisitors({ commandApiUrl, users, rate }: RushOptions, couponId: string): Visitor[] {
  return shuffled(Array.from({ length: users }, (_, i) => `user-${i + 1}`)).map((userId, nth) => {
    const key = randomUUID();
    const request = assignRequest(commandApiUrl, { couponId, userId, key });
    return { userId, key, request, comesAfterMs: rate === null ? 0 : (nth * 1_000) / rate };
  });
}

function shuffled<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

/** One connection: takes users as they come until there are none, or the time is over. */
async function runConnection(workload: Workload): Promise<void> {
  const { options, startedAt, waiting } = workload;
  const { hostname, port } = new URL(options.commandApiUrl);
  const connection = createConnection(
    { host: hostname, port: Number(port || 80) },
    options.timeoutMs,
  );
  try {
    while (!isOver(workload)) {
      const next = waiting.next();
      if (next.done) return;
      const comesAt = startedAt + next.value.comesAfterMs;
      const early = comesAt - performance.now();
      if (early > 0) await pause(early, options.signal);
      await serveVisitor(workload, connection, next.value);
    }
  } finally {
    connection.close();
  }
}

async function serveVisitor(
  workload: Workload,
  connection: Connection,
  { userId, key, request, comesAfterMs }: Visitor,
): Promise<void> {
  const { options, ledger, tally, startedAt } = workload;
  // With a rate, waiting for a connection is part of the user's wait.
  const cameAt = options.rate === null ? performance.now() : startedAt + comesAfterMs;
  await askUntilAnswered({
    ...{ ledger, userId, key, signal: options.signal },
    exchange: () => connection.exchange(request),
    onAttempt: ({ verdict, isLast, sentAt, answeredAt }) =>
      tally.note(verdict, isLast, { cameAt, sentAt, answeredAt }),
    isOver: () => isOver(workload),
  });
}

function isOver({ options, startedAt }: Workload): boolean {
  return options.signal.aborted || performance.now() - startedAt > options.deadlineMs;
}
