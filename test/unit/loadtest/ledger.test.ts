import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Verdict } from '../../../loadtest/judge-exchange.ts';
import { createLedger } from '../../../loadtest/ledger.ts';

describe('the ledger of the clients', () => {
  const told = { assignmentId: 'a', userId: 'ann', sequence: 1, assignedAt: 5 };
  const accepted: Verdict = { kind: 'accepted', told, replayed: false };
  const again: Verdict = { kind: 'again', afterMs: 1, reason: 'connection lost' };

  it('knows of nobody who has not asked', async () => {
    const ledger = createLedger(null);
    await ledger.close();
    expect(ledger.settled('c')).to.deep.equal({
      couponId: 'c',
      accepted: [],
      unknownUsers: new Set(),
    });
  });

  it('counts who asked as unknown until there is an answer that settles it', async () => {
    const ledger = createLedger(null);
    ledger.sending('ann', 'k1', 0);
    ledger.sending('bob', 'k2', 0);
    ledger.sending('cem', 'k3', 0);
    ledger.sending('dan', 'k4', 0);
    expect(ledger.settled('c').unknownUsers).to.have.all.keys('ann', 'bob', 'cem', 'dan');
    ledger.learned('ann', 'k1', accepted);
    ledger.learned('bob', 'k2', { kind: 'refused', reason: 'Coupon-0006 Sold out' });
    ledger.learned('cem', 'k3', again);
    ledger.learned('dan', 'k4', { kind: 'failed', reason: 'status 500' });
    expect(ledger.settled('c')).to.deep.equal({
      couponId: 'c',
      accepted: [told],
      unknownUsers: new Set(['cem', 'dan']),
    });
    ledger.sending('cem', 'k3', 1);
    ledger.learned('cem', 'k3', accepted);
    expect(ledger.settled('c').unknownUsers).to.have.all.keys('dan');
    await ledger.close();
  });

  it('books an answer under the one who asked, whoever it names', async () => {
    const ledger = createLedger(null);
    ledger.sending('bob', 'k', 0);
    ledger.learned('bob', 'k', accepted);
    expect(ledger.settled('c').accepted).to.deep.equal([{ ...told, userId: 'bob' }]);
    await ledger.close();
  });

  it('keeps every answer: two users who were told the same are both in it', async () => {
    const ledger = createLedger(null);
    ledger.learned('ann', 'k1', accepted);
    ledger.learned('ann', 'k2', accepted);
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
      ledger.learned('ann', 'k', again);
      ledger.sending('ann', 'k', 1);
      ledger.learned('ann', 'k', accepted);
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
