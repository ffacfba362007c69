// The clients' own books: every request is written down before it is sent, and what came of it after.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { ClientAnswer, ClientLedger } from '../../verifier/facts.ts';
import type { Verdict } from '../client/classify-response.ts';

/** A request that is about to be sent; `sentAt`: milliseconds since 1970. */
type Sending = { userId: string; key: string; sentAt: number };

export type Ledger = {
  /** Before each send, the first and every repeat. */
  sending(userId: string, key: string, attempt: number): Sending;
  /** After each exchange. */
  learned(sending: Sending, verdict: Verdict): void;
  /** What the users know when nobody is asking any more. */
  settled(couponId: string): ClientLedger;
  /** Everything is in the file. */
  close(): Promise<void>;
};

/** Redis runs on this machine, or on one whose clock is kept: a second is far more than they differ. */
const CLOCK_DOUBT_MS = 1_000;

/**
 * An empty ledger in memory; with `file` also as JSON lines there: `{at, userId, key, sending}` and
 * `{at, userId, key, learned}`.
 * `clockDoubtMs`: how far this process's clock may be from that of Redis.
 * @throws (close) the error of the file, when it could not be written
 */
export function createLedger(file: string | null, clockDoubtMs = CLOCK_DOUBT_MS): Ledger {
  const accepted: ClientLedger['accepted'] = [];
  const answers: ClientAnswer[] = [];
  const unknownUsers = new Set<string>();
  const answeredUnder = new Set<string>();
  const stream = file === null ? null : createWriteStream(file, { flags: 'w' });
  let failure: Error | null = null;
  stream?.on('error', (error) => {
    failure = error;
  });
  const write = (line: object): void => {
    stream?.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
  };
  return {
    sending: (userId, key, attempt) => {
      unknownUsers.add(userId);
      write({ userId, key, sending: attempt });
      return { userId, key, sentAt: Date.now() };
    },
    learned: (sending, verdict) => {
      const { userId, key } = sending;
      write({ userId, key, learned: verdict });
      const moments = { ...sending, answeredAt: Date.now() };
      if (verdict.kind === 'refused') {
        const { kind, refusal, named } = verdict;
        answers.push({ ...moments, kind, refusal, named });
        unknownUsers.delete(userId);
      }
      if (verdict.kind === 'accepted') {
        const { kind, replayed } = verdict;
        // The user is the one who asked, whoever the answer names.
        const assignment = { ...verdict.assignment, userId };
        answers.push({ ...moments, kind, assignment, replayed });
        unknownUsers.delete(userId);
        const underKey = `${key} ${assignment.assignmentId}`;
        if (!answeredUnder.has(underKey)) accepted.push(assignment);
        answeredUnder.add(underKey);
      }
    },
    settled: (couponId) => ({ couponId, accepted, unknownUsers, answers, clockDoubtMs }),
    close: async () => {
      if (stream === null) return;
      if (failure === null) {
        stream.end();
        await once(stream, 'close');
      }
      if (failure !== null) throw failure;
    },
  };
}
