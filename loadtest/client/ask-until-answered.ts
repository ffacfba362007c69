// One request, sent again with the same key until its outcome is known.
import { pause } from '../../platform/backoff.ts';
import type { Ledger } from '../report/ledger.ts';
import { classifyResponse, type Verdict } from './classify-response.ts';
import type { Exchange } from './connection.ts';

/** An exchange, what it means, and when it was (performance.now()); `isLast`: nobody asks again. */
export type Attempt = {
  exchange: Exchange;
  verdict: Verdict;
  isLast: boolean;
  sentAt: number;
  answeredAt: number;
};

/**
 * Asks until the answer is neither a failed exchange nor one that says to come back, or `isOver`; each
 * request is in the ledger before it is sent, and what came of it after.
 * @param options.onAttempt called after each exchange, before the wait for the next one
 * @returns the last attempt
 */
export async function askUntilAnswered(options: {
  ledger: Ledger;
  userId: string;
  key: string;
  exchange: () => Promise<Exchange>;
  onAttempt: (attempt: Attempt) => void;
  isOver: () => boolean;
  /** Ends a wait. */
  signal: AbortSignal;
}): Promise<Attempt> {
  const { ledger, userId, key, signal } = options;
  for (let nth = 0; ; nth += 1) {
    const sending = ledger.sending(userId, key, nth);
    const sentAt = performance.now();
    const exchange = await options.exchange();
    const answeredAt = performance.now();
    const verdict = classifyResponse(exchange, nth);
    ledger.learned(sending, verdict);
    const isLast = verdict.kind !== 'again' || options.isOver();
    const attempt = { exchange, verdict, isLast, sentAt, answeredAt };
    options.onAttempt(attempt);
    if (isLast) return attempt;
    await pause(verdict.afterMs, signal);
  }
}
