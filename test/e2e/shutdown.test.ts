import { expect } from 'chai';
import {
  createFaultyNetwork,
  type FaultyNetwork,
  type Link,
} from '../support/faults/faulty-network.ts';
import { type Answer, assign, call, createCoupon } from '../support/system/api.ts';
import { type System, startSystem } from '../support/system/system.ts';
import { expectVerified } from '../support/system/verified.ts';
import { waitUntil } from '../support/wait-until.ts';
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

describe('SIGTERM to an API behind a balancer', () => {
  let system: System;
  before(async function () {
    this.timeout(180_000);
    // Longer than any test: what ends it is the second signal.
    const settings = { SHUTDOWN_DELAY_MS: '600000' };
    system = await startSystem({ 'command-api': settings, 'query-api': settings });
  });
  after(async function () {
    this.timeout(180_000);
    for (const name of ['command-api', 'query-api'] as const) {
      system?.services.process(name).kill('SIGTERM');
    }
    await system?.close();
  });

  it('is not ready at once, and still serves whoever comes, until the delay is over', async () => {
    const couponId = await createCoupon(system.commandApi);
    for (const [name, url] of [
      ['command-api', system.commandApi],
      ['query-api', system.queryApi],
    ] as const) {
      const process = system.services.process(name);
      process.kill('SIGTERM');
      await waitUntil(`${name} is not ready`, async () => {
        const { status, body } = await call('GET', `${url}/health/ready`);
        return status === 503 && body.reason === 'stopping';
      });
    }
    // Each on a connection of its own.
    const headers = { connection: 'close' };
    expect(await assign(system.commandApi, couponId, 'late', headers)).to.have.property(
      'status',
      201,
    );
    const read = await call('GET', `${system.queryApi}/coupons`, { headers });
    expect(read.status).to.equal(200);
    for (const name of ['command-api', 'query-api'] as const) {
      const process = system.services.process(name);
      process.kill('SIGTERM');
      expect(await process.exited).to.deep.equal({ code: 0, signal: null });
    }
  });
});

describe('SIGTERM while everything that a service needs is frozen', () => {
  const LINKS: readonly Link[] = [
    'command-api>redis',
    'command-api>kafka',
    'projector>kafka',
    'projector>mysql',
    'query-api>mysql',
  ];
  const NAMES = ['command-api', 'projector', 'query-api'] as const;
  let network: FaultyNetwork;
  let system: System;
  before(async function () {
    this.timeout(180_000);
    network = await createFaultyNetwork();
    system = await startSystem(
      Object.fromEntries(NAMES.map((name) => [name, network.environmentOf(name)])),
    );
  });
  after(async function () {
    this.timeout(180_000);
    for (const link of LINKS) for (const proxy of network?.of(link) ?? []) proxy.mend();
    await system?.close();
    await network?.close();
  });

  it('ends each of them in bounded time, with 0: what arrived is answered', async function () {
    this.timeout(180_000);
    const couponId = await createCoupon(system.commandApi);
    await assign(system.commandApi, couponId, 'before');
    for (const link of LINKS) for (const proxy of network.of(link)) proxy.stall();
    const asked = assign(system.commandApi, couponId, 'meanwhile');
    const read = call('GET', `${system.queryApi}/coupons`);
    for (const url of [system.commandApi, system.queryApi]) {
      await waitUntil('it has taken what came before', async () => {
        return (await call('GET', `${url}/health/live`)).status === 200;
      });
    }
    // Whoever takes longer than its limit is killed.
    await Promise.all(NAMES.map((name) => system.services.process(name).stop()));
    expect((await asked).body).to.include({ code: 'Coupon-0012' });
    expect((await read).body).to.include({ code: 'Coupon-0023' });
    const exits = await Promise.all(NAMES.map((name) => system.services.process(name).exited));
    expect(exits).to.deep.equal(NAMES.map(() => ({ code: 0, signal: null })));
  });
});

/** Why fetch failed: the system's code, e.g. ECONNREFUSED. */
function codeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? String(error);
}
