// The clients' own books: every request is written down before it is sent, and what came of it after.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { ClientLedger } from '../verifier/facts.ts';
import type { Verdict } from './judge-exchange.ts';

export type Ledger = {
  /** Before each send, the first and every repeat. */
  sending(userId: string, key: string, attempt: number): void;
  /** After each exchange. */
  learned(userId: string, key: string, verdict: Verdict): void;
  /** What the users know when nobody is asking any more. */
  settled(couponId: string): ClientLedger;
  /** Everything is in the file. */
  close(): Promise<void>;
};

/**
 * An empty ledger in memory; with `file` also as JSON lines there: `{at, userId, key, sending}` and
 * `{at, userId, key, learned}`.
 * @throws (close) the error of the file, when it could not be written
 */
export function createLedger(file: string | null): Ledger {
  const accepted: ClientLedger['accepted'] = [];
  const unknownUsers = new Set<string>();
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
    },
    learned: (userId, key, verdict) => {
      // The user is the one who asked, whoever the answer names.
      if (verdict.kind === 'accepted') accepted.push({ ...verdict.told, userId });
      if (verdict.kind === 'accepted' || verdict.kind === 'refused') unknownUsers.delete(userId);
      write({ userId, key, learned: verdict });
    },
    settled: (couponId) => ({ couponId, accepted, unknownUsers }),
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
