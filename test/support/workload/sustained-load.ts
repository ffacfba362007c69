// A workload that keeps coming while something is done to the system: at a steady pace at first, so that
// there is load for as long as it takes, and then all at once, until the coupon is sold out. Most
// users want one unit; some send a request twice at once, some ask again for what they were told, some
// want more than they may have, and some look at the read side for what they got.
import { randomUUID } from 'node:crypto';
import { assignRequest } from '../../../loadtest/client/assign-request.ts';
import { judgeExchange, type Verdict } from '../../../loadtest/client/classify-response.ts';
import {
  type Connection,
  createConnection,
  type Exchange,
} from '../../../loadtest/client/connection.ts';
import { createCoupon } from '../../../loadtest/client/create-coupon.ts';
import { headerOf } from '../../../loadtest/client/response-parser.ts';
import { createLedger } from '../../../loadtest/report/ledger.ts';
import { pause } from '../../../platform/backoff.ts';
import type { AnsweredAssignment, ClientLedger } from '../../../verifier/facts.ts';
import { waitUntil } from '../wait-until.ts';

export type LoadOptions = {
  /** Where the workload asks: a connection that is lost goes on to the next, as behind a balancer. */
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
  /** How many units users were told of. */
  accepted(): number;
  /** Waits for the next unit that is given, not told again. @returns when (performance.now()); null: not in time */
  successAfter(ms: number, limitMs: number): Promise<number | null>;
  /** The longest time without a unit given between two moments (performance.now()), in ms. */
  longestPause(fromMs: number, toMs: number): number;
  /** From now on users come as fast as they are answered. */
  hurry(): void;
  /** Ends the asking; who was not told yet is unknown. */
  giveUp(): void;
  /** When the last user of all was told. */
  finished: Promise<LoadResult>;
};

export type LoadResult = {
  ledger: ClientLedger;
  /** Requests that were sent again, by reason. */
  repeats: Record<string, number>;
  /** Answers that no story of the service has, by reason. */
  failed: Record<string, number>;
  /** What the read side said to those who looked for what they had just got, by outcome. */
  reads: Record<string, number>;
};

/** Of the coupon that the workload wants. */
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
  const couponId = await createCoupon({
    commandApiUrl: options.commandApis[0] ?? '',
    quantity,
    perUserLimit: PER_USER_LIMIT,
    signal: signal.signal,
  });
  const ledger = createLedger(options.ledgerFile, CLOCK_DOUBT_MS);
  const successes: number[] = [];
  const repeats: Record<string, number> = {};
  const failed: Record<string, number> = {};
  const reads: Record<string, number> = {};
  const reading: Promise<void>[] = [];
  const tickets = createTickets(Math.ceil(quantity * 1.1), options.rate, signal.signal);

  const note = (verdict: Verdict): void => {
    if (verdict.kind === 'accepted' && !verdict.replayed) successes.push(performance.now());
    if (verdict.kind === 'again') count(repeats, verdict.reason);
    if (verdict.kind === 'failed') count(failed, verdict.reason);
  };

  /** A user who was told sees it, however long it takes; the worker does not wait for that. */
  const look = async ({ told, location, position }: Told): Promise<void> => {
    while (!signal.signal.aborted) {
      const seen = await read(location, position, told);
      count(reads, seen);
      if (seen === SEEN || seen.startsWith(WRONG)) return;
      await pause(READ_AGAIN_MS, signal.signal);
    }
  };

  const settle = async (client: Client, userId: string, key: string): Promise<Settled> => {
    for (let attempt = 0; ; attempt += 1) {
      const sending = ledger.sending(userId, key, attempt);
      const exchange = await client.ask(couponId, userId, key);
      const verdict = judgeExchange(exchange, attempt);
      ledger.learned(sending, verdict);
      note(verdict);
      if (verdict.kind !== 'again' || signal.signal.aborted) return toSettled(exchange, verdict);
      if (exchange.kind === 'failed') client.moveOn();
      await pause(verdict.afterMs, signal.signal);
    }
  };

  const visit = async (client: Client, twin: Client, nth: number): Promise<void> => {
    const userId = `user-${nth}`;
    const key = randomUUID();
    const kind = nth % CIRCLE;
    const other = kind === TWIN ? settle(twin, userId, key) : null;
    const settled = await settle(client, userId, key);
    await other;
    if (settled === null) return;
    if (kind === READER) reading.push(look(settled));
    if (kind === DOUBTER) await settle(client, userId, key);
    if (kind !== HOARDER) return;
    for (let unit = 1; unit <= PER_USER_LIMIT; unit += 1)
      await settle(client, userId, randomUUID());
  };

  const work = async (nth: number): Promise<void> => {
    const client = createClient(options.commandApis, nth);
    const twin = createClient(options.commandApis, nth + 1);
    try {
      for (let user = await tickets.next(); user !== null; user = await tickets.next()) {
        await visit(client, twin, user);
      }
    } finally {
      client.close();
      twin.close();
    }
  };

  const finished = Promise.all(Array.from({ length: connections }, (_, nth) => work(nth))).then(
    async (): Promise<LoadResult> => {
      await Promise.all(reading);
      await ledger.close();
      return { ledger: ledger.settled(couponId), repeats, failed, reads };
    },
  );
  return {
    couponId,
    accepted: () => ledger.settled(couponId).accepted.length,
    successAfter: (ms, limitMs) =>
      waitUntil('a unit is given', () => successes.find((at) => at > ms), limitMs).catch(
        () => null,
      ),
    longestPause: (fromMs, toMs) => {
      const moments = successes.filter((at) => at > fromMs && at < toMs);
      const edges = [fromMs, ...moments, toMs];
      return Math.max(...edges.slice(1).map((at, i) => at - (edges[i] ?? at)));
    },
    hurry: tickets.hurry,
    giveUp: () => signal.abort(),
    finished,
  };
}

function count(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}

/** What a user was told with 201, where it can be looked at, and from which position on. */
type Told = { told: AnsweredAssignment; location: string; position: string };
/** null: no unit. */
type Settled = Told | null;

function toSettled(exchange: Exchange, verdict: Verdict): Settled {
  if (verdict.kind !== 'accepted' || exchange.kind !== 'answered') return null;
  return {
    told: verdict.assignment,
    location: headerOf(exchange.answer, 'location') ?? '',
    position: headerOf(exchange.answer, 'firstcome-position') ?? '',
  };
}

const SEEN = 'seen';
/** How an outcome begins that may never be. */
export const WRONG = 'WRONG';

/** One look at the read side: it has what was told, or says that it has not come so far. */
async function read(location: string, position: string, told: AnsweredAssignment): Promise<string> {
  try {
    const answer = await fetch(location, {
      headers: position === '' ? {} : { 'firstcome-position': position },
      signal: AbortSignal.timeout(SILENCE_MS),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    if (answer.status >= 500) return `${answer.status} ${body.code}`;
    const isSame = body.userId === told.userId && body.sequence === told.sequence;
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
