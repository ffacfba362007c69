// Five times as many requests as the command API can accept, whether it answers or not.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { assignRequest } from '../../loadtest/client/assign-request.ts';
import { classifyResponse } from '../../loadtest/client/classify-response.ts';
import { type Connection, createConnection } from '../../loadtest/client/connection.ts';
import { createLoadCoupon } from '../../loadtest/client/create-load-coupon.ts';
import { type Latency, summarize } from '../../loadtest/report/latency.ts';
import { createLedger } from '../../loadtest/report/ledger.ts';
import { runRush } from '../../loadtest/scenarios/rush.ts';
import { pause } from '../../platform/backoff.ts';
import type { ClientLedger } from '../../verifier/facts.ts';
import { parseVerifySettings } from '../../verifier/settings.ts';
import { verify } from '../../verifier/verify.ts';
import type { FaultEnvironment } from './environment.ts';
import type { Fault } from './fault.ts';
import type { Scenario } from './run-scenario.ts';

const TIMES = 5;
const STORM_MS = 6_000;
const CONNECTIONS = 2_000;
/** Opened before the storm, so many at once: what is measured is the service, not the backlog of its socket. */
const OPENED_AT_ONCE = 200;
const MEASURED_USERS = 5_000;
/** More units than anybody could want: nobody is refused for another reason. */
const QUANTITY = 1_000_000;
/** A refusal of a machine whose two cores also make the storm; without shedding it would be a timeout. */
const SHED_WITHIN_MS = 3_000;
const GROWTH_LIMIT_MB = 400;
/** Of what it can accept without a storm: who is let in must not wait behind those who are turned away. */
const LEAST_SHARE = 0.2;

type Storm = {
  capacity: number;
  sent: number;
  /** Users who came when no connection was free: the client can have no more. */
  turnedAway: number;
  outcomes: Record<string, number>;
  accepted: Latency | null;
  shed: Latency | null;
  /** Of the command API, in MB. */
  memory: { before: number; peak: number };
  ledger: ClientLedger;
};

/** The storm as a scenario: what it did to its requests is looked at after it. */
export function overload(): Pick<Scenario, 'fault' | 'check'> {
  let storm: Storm | undefined;
  const fault: Fault = {
    name: `${TIMES} times as many requests as can be accepted`,
    part: 'command-api',
    begin: async (environment) => {
      storm = await sendStorm(environment, await measureCapacity(environment));
    },
  };
  return {
    fault,
    check: async (environment) =>
      storm === undefined ? ['no storm'] : await problemsOf(environment, storm),
  };
}

async function measureCapacity({ system }: FaultEnvironment): Promise<number> {
  const { result } = await runRush({
    commandApiUrl: system.commandApi,
    quantity: QUANTITY,
    users: MEASURED_USERS,
    connections: 200,
    rate: null,
    timeoutMs: 10_000,
    deadlineMs: 30_000,
    ledgerFile: null,
    report: () => undefined,
    signal: new AbortController().signal,
  });
  return result.acceptedPerSecond;
}

async function sendStorm({ system, process }: FaultEnvironment, capacity: number): Promise<Storm> {
  const { hostname, port } = new URL(system.commandApi);
  const couponId = await createLoadCoupon({
    commandApiUrl: system.commandApi,
    quantity: QUANTITY,
    signal: new AbortController().signal,
  });
  const ledger = createLedger(null);
  const all = await openConnections(hostname, Number(port));
  const free = [...all];
  const outcomes: Record<string, number> = {};
  const latencies = { accepted: [] as number[], shed: [] as number[] };
  const memory = { before: residentMb(process('command-api').pid), peak: 0 };
  const visits: Promise<void>[] = [];

  const visit = async (connection: Connection, nth: number): Promise<void> => {
    const userId = `storm-${nth}`;
    const key = randomUUID();
    const sentMs = performance.now();
    const sending = ledger.sending(userId, key, 0);
    const request = assignRequest(system.commandApi, { couponId, userId, key });
    const verdict = classifyResponse(await connection.exchange(request), 0);
    ledger.learned(sending, verdict);
    free.push(connection);
    const what = 'reason' in verdict ? verdict.reason : verdict.kind;
    outcomes[what] = (outcomes[what] ?? 0) + 1;
    const ms = performance.now() - sentMs;
    if (verdict.kind === 'accepted') latencies.accepted.push(ms);
    if (verdict.kind === 'again') latencies.shed.push(ms);
  };

  const rate = capacity * TIMES;
  const startedMs = performance.now();
  let came = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > STORM_MS) break;
    for (; came < (rate * elapsedMs) / 1_000; came += 1) {
      const connection = free.pop();
      if (connection !== undefined) visits.push(visit(connection, came));
    }
    memory.peak = Math.max(memory.peak, residentMb(process('command-api').pid));
    await pause(5);
  }
  await Promise.all(visits);
  for (const connection of all) connection.close();
  return {
    capacity,
    sent: visits.length,
    turnedAway: came - visits.length,
    outcomes,
    accepted: summarize(latencies.accepted),
    shed: summarize(latencies.shed),
    memory,
    ledger: ledger.settled(couponId),
  };
}

/** All of them open: the storm is not to wait for that. */
async function openConnections(host: string, port: number): Promise<Connection[]> {
  const all = Array.from({ length: CONNECTIONS }, () => createConnection({ host, port }, 20_000));
  const hello = `GET /health/live HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;
  for (let i = 0; i < all.length; i += OPENED_AT_ONCE) {
    const some = all.slice(i, i + OPENED_AT_ONCE);
    await Promise.all(some.map((connection) => connection.exchange(hello)));
  }
  return all;
}

async function problemsOf({ system }: FaultEnvironment, storm: Storm): Promise<string[]> {
  const { ledger, ...numbers } = storm;
  console.log(JSON.stringify(numbers));
  const problems: string[] = [];
  const allowed = ['accepted', 'Coupon-0013 Overloaded, nothing was reserved'];
  for (const [outcome, count] of Object.entries(storm.outcomes)) {
    if (!allowed.includes(outcome)) problems.push(`storm: ${count} times ${outcome}`);
  }
  const accepted = storm.accepted?.count ?? 0;
  if (accepted < (storm.capacity * STORM_MS * LEAST_SHARE) / 1_000) {
    problems.push(`storm: only ${accepted} were accepted in it`);
  }
  if ((storm.shed?.count ?? 0) === 0) problems.push('storm: nothing was shed');
  if ((storm.shed?.p99 ?? 0) > SHED_WITHIN_MS) {
    problems.push(`storm: shed after ${storm.shed?.p99.toFixed(0)} ms (p99)`);
  }
  const grown = storm.memory.peak - storm.memory.before;
  if (grown > GROWTH_LIMIT_MB) problems.push(`storm: the command API grew by ${grown} MB`);
  const { findings } = await verify(parseVerifySettings(system.variables), { ledger });
  for (const { invariant, breaches } of findings) {
    if (breaches.count > 0) problems.push(`storm, invariant ${invariant}: ${breaches.examples[0]}`);
  }
  return problems;
}

function residentMb(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes ?? 0) / 1_024);
}
