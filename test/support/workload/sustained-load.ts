// Users who keep coming while something is done to the system: at a steady pace at first, so that there
// is load for as long as it takes, and then as fast as they are answered, until the coupon is sold out.
// Most of them want one unit; some send a request twice at the same time, some repeat one that was
// answered, some want more than the limit, and some read what they got from the query API.
import { randomUUID } from 'node:crypto';
import { askUntilAnswered } from '../../../loadtest/client/ask-until-answered.ts';
import { assignRequest } from '../../../loadtest/client/assign-request.ts';
import type { Verdict } from '../../../loadtest/client/classify-response.ts';
import {
  type Connection,
  createConnection,
  type Exchange,
} from '../../../loadtest/client/connection.ts';
import { createLoadCoupon } from '../../../loadtest/client/create-load-coupon.ts';
import { headerOf } from '../../../loadtest/client/response-parser.ts';
import { createLedger, type Ledger } from '../../../loadtest/report/ledger.ts';
import { pause } from '../../../platform/backoff.ts';
import type { AnsweredAssignment, ClientLedger } from '../../../verifier/facts.ts';
import { waitUntil } from '../wait-until.ts';

export type LoadOptions = {
  /** The addresses that are asked: a connection that is lost goes on to the next, as behind a balancer. */
  commandApis: readonly string[];
  quantity: number;
  /** Users a second, until `hurry`. */
  rate: number;
  connections: number;
  /** The ledger as JSON lines. */
  ledgerFile: string;
};

export type Load = {
  couponId: string;
  /** How many units were assigned, by the answers. */
  accepted(): number;
  /** Waits for the next unit that is assigned, replayed answers excepted. @returns when (performance.now()); null: not in time */
  successAfter(ms: number, limitMs: number): Promise<number | null>;
  /** The longest time without a unit assigned between two moments (performance.now()), in ms. */
  longestPause(fromMs: number, toMs: number): number;
  /** From now on users come as fast as they are answered. */
  hurry(): void;
  /** Ends the asking; the outcome of who was not answered yet is unknown. */
  giveUp(): void;
  /** When the last user was answered. */
  finished: Promise<LoadResult>;
};

export type LoadResult = {
  ledger: ClientLedger;
  /** Requests that were sent again, by reason. */
  repeats: Record<string, number>;
  /** Answers that the service should never give, by reason. */
  failed: Record<string, number>;
  /** What the read side answered to those who read what they had just got, by outcome. */
  reads: Record<string, number>;
};

/** Of the coupon. */
export const PER_USER_LIMIT = 2;
/** Redis is on this machine: its clock is ours, to the rounding. */
const CLOCK_DOUBT_MS = 2;
const SILENCE_MS = 10_000;
const LATE_RATE = 10;
/** Of fifty users in a row, one does each of these. */
const CIRCLE = 50;
const TWIN = 7;
const DOUBTER = 17;
const HOARDER = 27;
const READER = 37;
const READ_AGAIN_MS = 500;

/** Creates a coupon, and sends a tenth more users than it has units. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const { quantity, connections } = options;
  const signal = new AbortController();
  const couponId = await createLoadCoupon({
    commandApiUrl: options.commandApis[0] ?? '',
    quantity,
    perUserLimit: PER_USER_LIMIT,
    signal: signal.signal,
  });
  const tickets = createTickets(Math.ceil(quantity * 1.1), options.rate, signal.signal);
  const run: LoadRun = {
    couponId,
    ledger: createLedger(options.ledgerFile, CLOCK_DOUBT_MS),
    signal: signal.signal,
    successes: [],
    repeats: {},
    failed: {},
    reads: {},
    reading: [],
  };
  const work = async (nth: number): Promise<void> => {
    const client = createClient(options.commandApis, nth);
    const twin = createClient(options.commandApis, nth + 1);
    try {
      for (let user = await tickets.next(); user !== null; user = await tickets.next()) {
        await visit(run, client, twin, user);
      }
    } finally {
      client.close();
      twin.close();
    }
  };
  const finished = Promise.all(Array.from({ length: connections }, (_, nth) => work(nth))).then(
    async (): Promise<LoadResult> => {
      await Promise.all(run.reading);
      await run.ledger.close();
      const { repeats, failed, reads } = run;
      return { ledger: run.ledger.settled(couponId), repeats, failed, reads };
    },
  );
  return {
    couponId,
    accepted: () => run.ledger.settled(couponId).accepted.length,
    successAfter: (ms, limitMs) =>
      waitUntil('a unit is given', () => run.successes.find((at) => at > ms), limitMs).catch(
        () => null,
      ),
    longestPause: (fromMs, toMs) => longestPause(run.successes, fromMs, toMs),
    hurry: tickets.hurry,
    giveUp: () => signal.abort(),
    finished,
  };
}

/** What the users of one load share. */
type LoadRun = {
  couponId: string;
  ledger: Ledger;
  signal: AbortSignal;
  /** When a unit was assigned, by performance.now(). */
  successes: number[];
  repeats: Record<string, number>;
  failed: Record<string, number>;
  reads: Record<string, number>;
  /** Reads that are on their way. */
  reading: Promise<void>[];
};

/** One user, of the kind that its number says. */
async function visit(run: LoadRun, client: Client, twin: Client, nth: number): Promise<void> {
  const userId = `user-${nth}`;
  const key = randomUUID();
  const kind = nth % CIRCLE;
  const other = kind === TWIN ? ask(run, twin, userId, key) : null;
  const receipt = await ask(run, client, userId, key);
  await other;
  if (receipt === null) return;
  if (kind === READER) run.reading.push(look(run, receipt));
  if (kind === DOUBTER) await ask(run, client, userId, key);
  if (kind !== HOARDER) return;
  for (let unit = 1; unit <= PER_USER_LIMIT; unit += 1) {
    await ask(run, client, userId, randomUUID());
  }
}

async function ask(
  { couponId, ledger, signal, successes, repeats, failed }: LoadRun,
  client: Client,
  userId: string,
  key: string,
): Promise<Receipt | null> {
  const { exchange, verdict } = await askUntilAnswered({
    ...{ ledger, userId, key, signal },
    exchange: () => client.ask(couponId, userId, key),
    onAttempt: (attempt) => {
      if (attempt.verdict.kind === 'accepted' && !attempt.verdict.replayed) {
        successes.push(performance.now());
      }
      if (attempt.verdict.kind === 'again') count(repeats, attempt.verdict.reason);
      if (attempt.verdict.kind === 'failed') count(failed, attempt.verdict.reason);
      if (!attempt.isLast && attempt.exchange.kind === 'failed') client.moveOn();
    },
    isOver: () => signal.aborted,
  });
  return toReceipt(exchange, verdict);
}

/** Who was answered with 201 finds it at its Location, however long that takes; nobody waits for it. */
async function look(
  { signal, reads }: LoadRun,
  { assignment, location, position }: Receipt,
): Promise<void> {
  while (!signal.aborted) {
    const seen = await read(location, position, assignment);
    count(reads, seen);
    if (seen === SEEN || seen.startsWith(WRONG)) return;
    await pause(READ_AGAIN_MS, signal);
  }
}

function longestPause(successes: readonly number[], fromMs: number, toMs: number): number {
  const moments = successes.filter((at) => at > fromMs && at < toMs);
  const edges = [fromMs, ...moments, toMs];
  return Math.max(...edges.slice(1).map((at, i) => at - (edges[i] ?? at)));
}

function count(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}

/** What a 201 says: the assignment, where it can be read, and from which position on. */
type Receipt = { assignment: AnsweredAssignment; location: string; position: string };

/** null: no unit. */
function toReceipt(exchange: Exchange, verdict: Verdict): Receipt | null {
  if (verdict.kind !== 'accepted' || exchange.kind !== 'answered') return null;
  return {
    assignment: verdict.assignment,
    location: headerOf(exchange.answer, 'location') ?? '',
    position: headerOf(exchange.answer, 'firstcome-position') ?? '',
  };
}

const SEEN = 'seen';
/** How an outcome begins that may never be. */
export const WRONG = 'WRONG';

/** One read: it has what was answered, or says that it is not that far yet. */
async function read(
  location: string,
  position: string,
  assignment: AnsweredAssignment,
): Promise<string> {
  try {
    const answer = await fetch(location, {
      headers: position === '' ? {} : { 'firstcome-position': position },
      signal: AbortSignal.timeout(SILENCE_MS),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    if (answer.status >= 500) return `${answer.status} ${body.code}`;
    const isSame = body.userId === assignment.userId && body.sequence === assignment.sequence;
    if (answer.status === 200 && isSame) return SEEN;
    // A repeated answer has no position when the brokers could not be asked; nothing waits for it then.
    if (answer.status === 404 && position === '') return 'not there yet, read without a position';
    return `${WRONG} ${answer.status} ${body.code ?? ''} at ${position}`;
  } catch {
    return 'no answer';
  }
}

type Client = {
  ask(couponId: string, userId: string, key: string): ReturnType<Connection['exchange']>;
  /** The next request goes to the next address. */
  moveOn(): void;
  close(): void;
};

function createClient(commandApis: readonly string[], first: number): Client {
  const ways = commandApis.map((url) => {
    const { hostname, port } = new URL(url);
    return {
      url,
      connection: createConnection({ host: hostname, port: Number(port) }, SILENCE_MS),
    };
  });
  let at = first;
  return {
    ask: (couponId, userId, key) => {
      const way = ways[at % ways.length];
      if (way === undefined) throw new Error('no address to ask at');
      return way.connection.exchange(assignRequest(way.url, { couponId, userId, key }));
    },
    moveOn: () => {
      at += 1;
    },
    close: () => {
      for (const { connection } of ways) connection.close();
    },
  };
}

/**
 * Numbers from 0 on, `rate` of them a second until `hurry`, and few a second when only a fifth is
 * left: somebody has to be there until the end. null when all are given.
 */
function createTickets(count: number, rate: number, signal: AbortSignal) {
  const startedMs = performance.now();
  const hurried = new AbortController();
  const stop = AbortSignal.any([signal, hurried.signal]);
  const kept = Math.round(count * 0.8);
  const dueMs = (ticket: number): number =>
    startedMs +
    (1_000 * Math.min(ticket, kept)) / rate +
    (1_000 * Math.max(0, ticket - kept)) / LATE_RATE;
  let given = 0;
  return {
    next: async (): Promise<number | null> => {
      if (given >= count || signal.aborted) return null;
      const ticket = given;
      given += 1;
      const early = dueMs(ticket) - performance.now();
      if (early > 0) await pause(early, stop);
      return signal.aborted ? null : ticket;
    },
    hurry: () => hurried.abort(),
  };
}
