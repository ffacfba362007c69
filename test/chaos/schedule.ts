// Which faults happen when, by chance: a seed and a length give one schedule, always the same.
import {
  allKilled,
  BROKERS,
  type Broker,
  controllerKilled,
  type Fault,
  linkHurt,
  redisBusy,
  redisLost,
  redisTold,
  serverFrozen,
  serverKilled,
  serverStopped,
  serviceFrozen,
  serviceKilled,
} from '../faults/fault.ts';
import { deadLettersRefused, poisoned, repeated } from '../faults/log-faults.ts';
import { checkpointsLocked, deadlocks, readOnly } from '../faults/mysql-faults.ts';
import { createRandom, type Random } from './random.ts';

/** A fault and when it begins, in milliseconds after the start of the schedule. */
export type PlannedFault = { atMs: number; fault: Fault };

type Kind = (random: Random) => Fault;

const FIRST_AT_MS = 2_000;
const MEAN_GAP_MS = 5_000;
/** The last seconds are for what has to come back. */
const QUIET_END_MS = 10_000;
/** Between two faults of one part, for it to be there again at all. */
const REST_MS = 5_000;

const broker = (random: Random): Broker => random.pick(['kafka-1', 'kafka-2', 'kafka-3']);
const seconds = (random: Random, from: number, to: number): number =>
  random.whole(from * 10, to * 10) * 100;

const KINDS: readonly [Kind, ...Kind[]] = [
  (random) =>
    serviceKilled(random.pick(['command-api', 'command-api-2', 'projector', 'query-api'])),
  (random) =>
    serviceFrozen(
      random.pick(['command-api', 'command-api-2', 'projector']),
      seconds(random, 1, 12),
    ),
  (random) => serverKilled(broker(random), seconds(random, 0, 12)),
  (random) => serverFrozen(broker(random), seconds(random, 1, 15)),
  (random) => serverStopped(broker(random), seconds(random, 0, 5)),
  (random) => controllerKilled(seconds(random, 0, 10)),
  (random) => allKilled(BROKERS, seconds(random, 0, 10)),
  (random) => serverKilled('redis', seconds(random, 0, 4)),
  (random) => serverFrozen('redis', seconds(random, 1, 6)),
  (random) => redisBusy(seconds(random, 1, 7)),
  () => redisLost(),
  () => redisTold(['FLUSHALL']),
  () => redisTold(['SCRIPT', 'FLUSH']),
  (random) => redisTold(['CLIENT', 'PAUSE', seconds(random, 1, 4), 'ALL']),
  (random) => serverKilled('mysql', seconds(random, 0, 8)),
  (random) => serverFrozen('mysql', seconds(random, 1, 12)),
  (random) => readOnly(seconds(random, 1, 10)),
  (random) => checkpointsLocked(seconds(random, 1, 10)),
  (random) => deadlocks(seconds(random, 1, 8)),
  (random) => serverKilled('registry', seconds(random, 0, 10)),
  () => poisoned(),
  () => repeated(),
  (random) => deadLettersRefused(seconds(random, 1, 10)),
  (random) =>
    linkHurt(
      random.pick(['command-api>redis', 'command-api>kafka', 'projector>kafka', 'projector>mysql']),
      random.pick(['cut', 'stalled', 'answers stalled', 'slow', 'cut again and again']),
      seconds(random, 1, 10),
    ),
];

/** The schedule of a seed: faults overlap, but no part suffers two at once. */
export function planChaos(seed: number, lengthMs: number): PlannedFault[] {
  const random = createRandom(seed);
  const planned: PlannedFault[] = [];
  const busyUntil = new Map<string, number>();
  let atMs = FIRST_AT_MS;
  while (atMs < lengthMs - QUIET_END_MS) {
    const fault = random.pick(KINDS)(random);
    const parts = fault.part.split(',');
    const endMs = atMs + (fault.lastsMs ?? 0);
    const isFree = parts.every((part) => (busyUntil.get(part) ?? 0) <= atMs);
    if (isFree && endMs <= lengthMs - QUIET_END_MS) {
      planned.push({ atMs, fault });
      for (const part of parts) busyUntil.set(part, endMs + REST_MS);
    }
    atMs += Math.round(-Math.log(1 - random.next()) * MEAN_GAP_MS);
  }
  return planned;
}

/** A schedule as text, a line a fault. */
export function formatSchedule(planned: readonly PlannedFault[]): string {
  return planned
    .map(({ atMs, fault }) => `  ${(atMs / 1_000).toFixed(1).padStart(6)} s  ${fault.name}`)
    .join('\n');
}
