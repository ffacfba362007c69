import { expect } from 'chai';
import { type Answer, assign, createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import type { Workload } from '../support/workload/workload.ts';

describe('SIGTERM to a command API under load', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    system = await startSystem();
  });
  after(async function () {
    this.timeout(180_000);
    await system?.close();
  });

  it('answers every request that reached it, takes no more, and ends with 0', async function () {
    this.timeout(180_000);
    const couponId = await createCoupon(system.commandApi, { quantity: 1_000_000 });
    const answers = new Map<string, Answer>();
    const failures: string[] = [];
    const process = system.services.process('command-api');
    let isListening = true;
    let stopped: Promise<void> | undefined;

    const sendOnce = async (user: string): Promise<void> => {
      try {
        answers.set(user, await assign(system.commandApi, couponId, user));
      } catch (error) {
        const code = codeOf(error);
        if (code !== 'ECONNREFUSED') failures.push(`${user}: ${code}`);
        isListening = false;
      }
    };
    const sendUntilRefused = async (client: number): Promise<void> => {
      for (let n = 0; isListening; n += 1) {
        await sendOnce(`client-${client}-${n}`);
        if (answers.size === 500) stopped ??= process.stop();
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, client) => sendUntilRefused(client)));
    await stopped;

    expect(failures).to.deep.equal([]);
    expect(await process.exited).to.deep.equal({ code: 0, signal: null });
    expect(new Set([...answers.values()].map(({ status }) => status))).to.deep.equal(
      new Set([201]),
    );
    const workload: Workload = { answers, accepted: () => [...answers.values()], repeats: 0 };
    await expectVerified(system, couponId, workload);
  });
});

/** Why fetch failed: the system's code, e.g. ECONNREFUSED. */
function codeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? String(error);
}
