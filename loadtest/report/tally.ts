// What came of a rush, in numbers.
import type { Verdict } from '../client/classify-response.ts';
import { type Latency, summarize } from './latency.ts';

export type RushProgress = {
  users: number;
  accepted: number;
  refused: number;
  repeats: number;
  elapsedMs: number;
};

export type RushResult = {
  couponId: string;
  accepted: number;
  /** Of the accepted: by an answer that is marked as a replay. */
  replayed: number;
  /** By code and title of the problem. */
  refused: Record<string, number>;
  /** Users who asked and never got an answer that says the outcome, by the last reason. */
  unanswered: Record<string, number>;
  /** Users who did not get to ask before the deadline. */
  notAsked: number;
  /** Requests that were sent again, by reason. */
  repeats: Record<string, number>;
  /** From the first request to the last answer. */
  seconds: number;
  /** Answers that say the outcome, a second over that time. */
  answersPerSecond: number;
  /** Accepted a second, from the first request to the last 201. */
  acceptedPerSecond: number;
  /** Milliseconds of the last exchange alone; null without any. */
  acceptedAlone: Latency | null;
  refusedAlone: Latency | null;
  /** From when the user came until answered, with every repeat and wait. */
  acceptedWhole: Latency | null;
  refusedWhole: Latency | null;
  /** CPU of this process for each user, in microseconds: what the measuring itself costs. */
  clientMicrosecondsPerUser: number;
};

/** By this process's clock: the user came, the last request was sent, it was answered. */
type Moments = { cameAt: number; sentAt: number; answeredAt: number };
/** What is counted while a rush runs. */
export type Tally = ReturnType<typeof createTally>;

/** An empty tally for so many users. */
export function createTally(users: number) {
  const counts: Counts = {
    users,
    alone: { accepted: [], refused: [] },
    whole: { accepted: [], refused: [] },
    ...{ refused: {}, unanswered: {}, repeats: {} },
    ...{ replayed: 0, asked: 0, lastAnswerAt: null, lastAcceptedAt: null },
  };
  const { alone, whole, refused, unanswered, repeats } = counts;
  const addAnswer = (
    kind: 'accepted' | 'refused',
    { cameAt, sentAt, answeredAt }: Moments,
  ): void => {
    alone[kind].push(answeredAt - sentAt);
    whole[kind].push(answeredAt - cameAt);
    counts.lastAnswerAt = answeredAt;
    if (kind === 'accepted') counts.lastAcceptedAt = answeredAt;
  };
  return {
    /** After each exchange; `isLast`: this user won't ask again. */
    note: (verdict: Verdict, isLast: boolean, moments: Moments): void => {
      if (isLast) counts.asked += 1;
      switch (verdict.kind) {
        case 'accepted':
          if (verdict.replayed) counts.replayed += 1;
          addAnswer('accepted', moments);
          return;
        case 'refused':
          addOne(refused, verdict.reason);
          addAnswer('refused', moments);
          return;
        case 'failed':
          addOne(unanswered, verdict.reason);
          return;
        case 'again':
          addOne(isLast ? unanswered : repeats, verdict.reason);
      }
    },
    /** null: nobody got an answer that says an outcome. */
    lastAnswerAt: (): number | null => counts.lastAnswerAt,
    progress: (elapsedMs: number): RushProgress => ({
      users,
      accepted: alone.accepted.length,
      refused: alone.refused.length,
      repeats: sumOf(repeats),
      elapsedMs,
    }),
    result: (couponId: string, startedAt: number, cpuMicroseconds: number): RushResult =>
      resultOf(counts, couponId, startedAt, cpuMicroseconds),
  };
}

type Counts = Pick<RushResult, 'refused' | 'unanswered' | 'repeats' | 'replayed'> & {
  users: number;
  /** How many users asked for the last time. */
  asked: number;
  /** Milliseconds of each answer: of the last exchange alone, and with every wait. */
  alone: { accepted: number[]; refused: number[] };
  whole: { accepted: number[]; refused: number[] };
  lastAnswerAt: number | null;
  lastAcceptedAt: number | null;
};

function resultOf(
  { users, alone, whole, refused, unanswered, repeats, replayed, asked, ...last }: Counts,
  couponId: string,
  startedAt: number,
  cpuMicroseconds: number,
): RushResult {
  const secondsUntil = (at: number | null): number => ((at ?? startedAt) - startedAt) / 1_000;
  const seconds = secondsUntil(last.lastAnswerAt);
  const accepted = alone.accepted.length;
  return {
    ...{ couponId, accepted, replayed, refused, unanswered, repeats, seconds },
    notAsked: users - asked,
    answersPerSecond: perSecond(accepted + alone.refused.length, seconds),
    acceptedPerSecond: perSecond(accepted, secondsUntil(last.lastAcceptedAt)),
    acceptedAlone: summarize(alone.accepted),
    refusedAlone: summarize(alone.refused),
    acceptedWhole: summarize(whole.accepted),
    refusedWhole: summarize(whole.refused),
    clientMicrosecondsPerUser: cpuMicroseconds / Math.max(1, asked),
  };
}

function addOne(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}

function perSecond(count: number, seconds: number): number {
  return count === 0 ? 0 : count / seconds;
}

/** The sum of counts by name. */
export function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
