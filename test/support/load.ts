// A crowd that keeps coming while something is done to the system: at a steady pace at first, so that
// there is load for as long as it takes, and then all at once, until the coupon is sold out. Most
// users want one unit; some send a request twice at once, some ask again for what they were told, some
// want more than they may have.
import { randomUUID } from 'node:crypto';
import { assignRequest } from '../../loadtest/assign-request.ts';
import { type Connection, createConnection } from '../../loadtest/connection.ts';
import { createCoupon } from '../../loadtest/create-coupon.ts';
import { judgeExchange, type Verdict } from '../../loadtest/judge-exchange.ts';
import { createLedger } from '../../loadtest/ledger.ts';
import { pause } from '../../platform/backoff.ts';
import type { ClientLedger } from '../../verifier/facts.ts';
import { waitUntil } from './wait-until.ts';

export type LoadOptions = {
  /** Where the crowd asks: a connection that is lost goes on to the next, as behind a balancer. */
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
};

/** Of the coupon that the crowd wants. */
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
  const tickets = createTickets(Math.ceil(quantity * 1.1), options.rate, signal.signal);

  const note = (verdict: Verdict): void => {
    if (verdict.kind === 'accepted' && !verdict.replayed) successes.push(performance.now());
    const reasons = { again: repeats, failed }[verdict.kind as string];
    if (reasons !== undefined && 'reason' in verdict) {
      reasons[verdict.reason] = (reasons[verdict.reason] ?? 0) + 1;
    }
  };

  const settle = async (client: Client, userId: string, key: string): Promise<Verdict> => {
    for (let attempt = 0; ; attempt += 1) {
      const sending = ledger.sending(userId, key, attempt);
      const exchange = await client.ask(couponId, userId, key);
      const verdict = judgeExchange(exchange, attempt);
      ledger.learned(sending, verdict);
      note(verdict);
      if (verdict.kind !== 'again' || signal.signal.aborted) return verdict;
      if (exchange.kind === 'failed') client.moveOn();
      await pause(verdict.afterMs, signal.signal);
    }
  };

  const visit = async (client: Client, twin: Client, nth: number): Promise<void> => {
    const userId = `user-${nth}`;
    const key = randomUUID();
    const kind = nth % CIRCLE;
    const other = kind === TWIN ? settle(twin, userId, key) : null;
    const verdict = await settle(client, userId, key);
    await other;
    if (verdict.kind !== 'accepted') return;
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
      await ledger.close();
      return { ledger: ledger.settled(couponId), repeats, failed };
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
