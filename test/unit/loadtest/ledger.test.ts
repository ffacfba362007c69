import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Verdict } from '../../../loadtest/client/classify-response.ts';
import { createLedger, type Ledger } from '../../../loadtest/report/ledger.ts';

describe('the ledger of the clients', () => {
  const answered = { assignmentId: 'a', userId: 'ann', sequence: 1, assignedAt: 5 };
  const accepted: Verdict = { kind: 'accepted', assignment: answered, replayed: false };
  const again: Verdict = { kind: 'again', afterMs: 1, reason: 'connection lost' };
  const refused: Verdict = {
    kind: 'refused',
    refusal: 'limit-reached',
    named: ['a'],
    reason: 'Coupon-0007 Limit per user reached',
  };
  const learn = (ledger: Ledger, userId: string, key: string, verdict: Verdict): void =>
    ledger.learned({ userId, key, sentAt: Date.now() }, verdict);

  it('knows of nobody who has not asked', async () => {
    const ledger = createLedger(null);
    await ledger.close();
    expect(ledger.settled('c')).to.deep.equal({
      couponId: 'c',
      accepted: [],
      unknownUsers: new Set(),
      answers: [],
      clockDoubtMs: 1_000,
    });
  });

  it('counts who asked as unknown until there is an answer that settles it', async () => {
    const ledger = createLedger(null);
    ledger.sending('ann', 'k1', 0);
    ledger.sending('bob', 'k2', 0);
    ledger.sending('cem', 'k3', 0);
    ledger.sending('dan', 'k4', 0);
    expect(ledger.settled('c').unknownUsers).to.have.all.keys('ann', 'bob', 'cem', 'dan');
    learn(ledger, 'ann', 'k1', accepted);
    learn(ledger, 'bob', 'k2', refused);
    learn(ledger, 'cem', 'k3', again);
    learn(ledger, 'dan', 'k4', { kind: 'failed', reason: 'status 500' });
    expect(ledger.settled('c').accepted).to.deep.equal([answered]);
    expect(ledger.settled('c').unknownUsers).to.have.all.keys('cem', 'dan');
    ledger.sending('cem', 'k3', 1);
    learn(ledger, 'cem', 'k3', accepted);
    expect(ledger.settled('c').unknownUsers).to.have.all.keys('dan');
    await ledger.close();
  });

  it('books an answer under the one who asked, whoever it names', async () => {
    const ledger = createLedger(null);
    ledger.sending('bob', 'k', 0);
    learn(ledger, 'bob', 'k', accepted);
    expect(ledger.settled('c').accepted).to.deep.equal([{ ...answered, userId: 'bob' }]);
    await ledger.close();
  });

  it('keeps every answer that settles something, with its moments and what it says', async () => {
    const ledger = createLedger(null, 5);
    const before = Date.now();
    const sending = ledger.sending('ann', 'k', 0);
    ledger.learned(sending, again);
    ledger.learned(ledger.sending('ann', 'k', 1), accepted);
    ledger.learned(ledger.sending('ann', 'k', 2), { ...accepted, replayed: true });
    ledger.learned(ledger.sending('ann', 'k2', 0), refused);
    const { answers, clockDoubtMs } = ledger.settled('c');
    expect(clockDoubtMs).to.equal(5);
    for (const { sentAt, answeredAt } of answers) {
      expect(sentAt).to.be.within(before, answeredAt);
      expect(answeredAt).to.be.at.most(Date.now());
    }
    expect(answers.map(({ sentAt: _, answeredAt: __, ...answered }) => answered)).to.deep.equal([
      { userId: 'ann', key: 'k', kind: 'accepted', assignment: answered, replayed: false },
      { userId: 'ann', key: 'k', kind: 'accepted', assignment: answered, replayed: true },
      { userId: 'ann', key: 'k2', kind: 'refused', refusal: 'limit-reached', named: ['a'] },
    ]);
    await ledger.close();
  });

  it('counts what a key was answered again once', async () => {
    const ledger = createLedger(null);
    learn(ledger, 'ann', 'k', accepted);
    learn(ledger, 'ann', 'k', { ...accepted, replayed: true });
    expect(ledger.settled('c').accepted).to.deep.equal([answered]);
    await ledger.close();
  });

  it('keeps every answer: two keys that were answered the same are both in it', async () => {
    const ledger = createLedger(null);
    learn(ledger, 'ann', 'k1', accepted);
    learn(ledger, 'ann', 'k2', accepted);
    expect(ledger.settled('c').accepted).to.have.length(2);
    await ledger.close();
  });

  describe('in a file', () => {
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'ledger-'));
    });

    after(() => rm(folder, { recursive: true }));

    it('has a line before each send and one after each exchange', async () => {
      const file = join(folder, 'ledger.jsonl');
      const ledger = createLedger(file);
      ledger.sending('ann', 'k', 0);
      learn(ledger, 'ann', 'k', again);
      ledger.sending('ann', 'k', 1);
      learn(ledger, 'ann', 'k', accepted);
      await ledger.close();
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      const entries = lines.map((line) => {
        const { at: _, ...entry } = JSON.parse(line);
        return entry;
      });
      expect(entries).to.deep.equal([
        { userId: 'ann', key: 'k', sending: 0 },
        { userId: 'ann', key: 'k', learned: again },
        { userId: 'ann', key: 'k', sending: 1 },
        { userId: 'ann', key: 'k', learned: accepted },
      ]);
    });

    it('says at the end that the file could not be written', async () => {
      const ledger = createLedger(join(folder, 'no such folder', 'ledger.jsonl'));
      ledger.sending('ann', 'k', 0);
      const failure = await ledger.close().catch((error: unknown) => error);
      expect(failure).to.be.an('error').with.property('message').that.includes('ENOENT');
    });
  });
});
