// The report of a rush, as text.
import type { Arrival } from '../scenarios/await-projection.ts';
import type { RushOptions } from '../scenarios/rush.ts';
import type { Latency } from './latency.ts';
import { type RushResult, sumOf } from './tally.ts';

const LATENCY_HEAD = 'latency, ms';

type Workload = Pick<RushOptions, 'quantity' | 'users' | 'connections' | 'rate'>;

/** What the users were answered, how fast, and when the read side had it. */
export function formatRush(
  workload: Workload,
  result: RushResult,
  arrival: Arrival | null,
): string {
  const rows: [string, string][] = [
    [
      'accepted',
      `${count(result.accepted)}${result.replayed > 0 ? `, of them ${count(result.replayed)} by a replayed answer` : ''}`,
    ],
    ['refused', withReasons(result.refused)],
    ['never answered', withReasons(result.unanswered)],
    ['asked again', withReasons(result.repeats)],
    ...(result.notAsked > 0 ? [['not asked', count(result.notAsked)] as [string, string]] : []),
    ['took', `${result.seconds.toFixed(2)} s`],
    ['answers/s', count(result.answersPerSecond)],
    ['accepted/s', count(result.acceptedPerSecond)],
    ['client CPU', `${result.clientMicrosecondsPerUser.toFixed(0)} µs per user`],
  ];
  if (arrival !== null) rows.push(['read model', formatArrival(arrival, result.accepted)]);
  return [
    `rush on coupon ${result.couponId}: ${formatWorkload(workload)}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`),
    '',
    ...formatLatencies(workload.rate, result),
  ].join('\n');
}

function formatWorkload({ quantity, users, connections, rate }: Workload): string {
  const pace = rate === null ? 'all at once' : `${count(rate)} a second`;
  return `${count(quantity)} units, ${count(users)} users, ${connections} connections, ${pace}`;
}

function formatArrival(arrival: Arrival, accepted: number): string {
  return arrival.kind === 'arrived'
    ? `equals the answers ${arrival.seconds.toFixed(2)} s after the last one`
    : `LATE: shows ${arrival.issued ?? 'nothing'} of ${count(accepted)}`;
}

function formatLatencies(rate: number | null, result: RushResult): string[] {
  const lines: [string, Latency | null][] = [
    ['accepted', result.acceptedAlone],
    ['refused', result.refusedAlone],
  ];
  // Otherwise they are the same.
  if (rate !== null || sumOf(result.repeats) > 0) {
    lines.push(['accepted, with waits', result.acceptedWhole]);
    lines.push(['refused, with waits', result.refusedWhole]);
  }
  const columns = ['mean', 'p50', 'p95', 'p99', 'max'] as const;
  const width = Math.max(LATENCY_HEAD.length, ...lines.map(([name]) => name.length));
  return [
    `  ${LATENCY_HEAD.padEnd(width)}${columns.map((name) => name.padStart(9)).join('')}`,
    ...lines.flatMap(([name, latency]) =>
      latency === null
        ? []
        : [
            `  ${name.padEnd(width)}${columns.map((column) => latency[column].toFixed(1).padStart(9)).join('')}`,
          ],
    ),
  ];
}

function withReasons(counts: Record<string, number>): string {
  const reasons = Object.entries(counts).map(([reason, n]) => `${reason}: ${count(n)}`);
  const total = count(sumOf(counts));
  return reasons.length === 0 ? total : `${total} (${reasons.join(', ')})`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
