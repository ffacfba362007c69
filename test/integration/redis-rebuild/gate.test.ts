import { expect } from 'chai';
import { createGate, type Gate } from '../../../command-api/gate/gate.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createRebuildSystem, type RebuildSystem } from './rebuild-system.ts';

describe('A gate that rebuilds', () => {
  let system: RebuildSystem;
  let gate: Gate;
  let attempts: number;
  let epoch: number | null;

  before(async function () {
    this.timeout(180_000);
    system = await createRebuildSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });
  beforeEach(() => {
    attempts = 0;
  });
  afterEach(() => gate.close());

  const openGate = (newestClaim: () => Promise<number | null>): void => {
    gate = createGate({
      redis: system.redis,
      keys: system.keys,
      newestClaim,
      brokenAssumption: () => null,
      rebuild: async (attempt) => {
        attempts += 1;
        const result = await system.attempt(attempt);
        if (result.kind === 'rebuilt') epoch = result.epoch;
        return result;
      },
      logger: silentLogger(),
    });
  };
  const untilClosed = (reason: string) =>
    waitUntil(`the gate is closed: ${reason}`, () => {
      const state = gate.state();
      return state.kind === 'closed' && state.reason.includes(reason);
    });

  it('starts nothing while the log cannot be asked, and rebuilds once when it can', async () => {
    let isAway = true;
    openGate(async () => {
      if (isAway) throw new Error('no broker answers');
      return epoch;
    });
    epoch = null;
    await untilClosed('no broker answers');
    gate.recheck('again');
    await untilClosed('no broker answers');
    expect(attempts).to.equal(0);
    isAway = false;
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    expect(attempts).to.equal(1);
  });

  it('stays open, and starts nothing, while the log cannot be asked later', async () => {
    epoch = (await system.rebuild()).epoch;
    let looks = 0;
    let isAway = false;
    openGate(async () => {
      looks += 1;
      if (isAway) throw new Error('no broker answers');
      return epoch;
    });
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    isAway = true;
    const before = looks;
    await waitUntil('it was asked for again', () => looks >= before + 2);
    expect(gate.state()).to.include({ kind: 'open', epoch });
    expect(attempts).to.equal(0);
  });

  it('leaves a coupon alone that a script of an older epoch found closed', async () => {
    epoch = (await system.rebuild()).epoch;
    openGate(async () => epoch);
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    gate.reportClosed({ couponId: 'of an epoch that is over', epoch: epoch - 1 });
    expect(gate.state().kind).to.equal('closed');
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    expect(attempts).to.equal(0);
  });

  it('rebuilds when a coupon is gone that a script of this epoch knew', async () => {
    epoch = (await system.rebuild()).epoch;
    openGate(async () => epoch);
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    gate.reportClosed({ couponId: 'gone', epoch });
    await waitUntil('the gate is open', () => gate.state().kind === 'open');
    expect(attempts).to.equal(1);
  });
});
