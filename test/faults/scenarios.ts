// Every fault of the design that can be had on one machine.
import {
  allKilled,
  BROKERS,
  controllerKilled,
  linkHurt,
  redisBusy,
  redisLost,
  redisTold,
  serverFrozen,
  serverKilled,
  serverStopped,
  serviceFrozen,
  serviceKilled,
} from './fault.ts';
import { deadLettersRefused, poisoned, repeated } from './log-faults.ts';
import { checkpointsLocked, deadlocks, readOnly } from './mysql-faults.ts';
import { overload } from './overload.ts';
import { plantedDefect } from './planted-defect.ts';
import { promoted, sidesApart } from './promotion-faults.ts';
import type { Scenario } from './run-scenario.ts';
import {
  allRestarted,
  noneLost,
  secondProjector,
  toolRun,
  withoutRegistry,
} from './service-faults.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...[
    serviceKilled('command-api'),
    serviceKilled('projector'),
    serviceKilled('query-api'),
    serviceFrozen('command-api', 8_000),
    serviceFrozen('projector', 15_000),
    secondProjector(),
    withoutRegistry(10_000),
    redisTold(['FLUSHALL']),
  ].map((fault): Scenario => ({ fault, setup: 'plain' })),

  ...[
    serverKilled('redis', 2_000),
    redisLost(),
    redisTold(['SCRIPT', 'FLUSH']),
    redisTold(['CLIENT', 'PAUSE', 4_000, 'ALL']),
    redisBusy(7_000),
    redisTold(['CLIENT', 'KILL', 'TYPE', 'normal']),
    serverFrozen('redis', 6_000),
  ].map((fault): Scenario => ({ fault, setup: 'plain' })),

  ...[
    serverStopped('mysql', 15_000),
    serverKilled('mysql', 5_000),
    serverFrozen('mysql', 15_000),
    readOnly(10_000),
    checkpointsLocked(12_000),
    deadlocks(10_000),
    poisoned(),
    repeated(),
  ].map((fault): Scenario => ({ fault, setup: 'plain' })),
  { fault: deadLettersRefused(15_000), setup: 'plain' },

  ...[
    serverKilled('kafka-2', 10_000),
    serverStopped('kafka-3', 5_000),
    controllerKilled(10_000),
    serverFrozen('kafka-1', 14_000),
    allKilled(['kafka-1', 'kafka-2'], 10_000),
    allKilled(BROKERS, 60_000),
  ].map((fault): Scenario => ({ fault, setup: 'plain', successWithinS: 20, lagWithinS: 60 })),

  ...[
    linkHurt('command-api>redis', 'cut', 5_000),
    linkHurt('command-api>redis', 'stalled', 5_000),
    linkHurt('command-api>redis', 'answers stalled', 5_000),
    linkHurt('command-api>redis', 'slow', 5_000),
    linkHurt('command-api>redis', 'cut again and again', 9_000),
    linkHurt('command-api>kafka', 'cut', 5_000),
    linkHurt('command-api>kafka', 'stalled', 12_000),
  ].map((fault): Scenario => ({ fault, setup: 'faulty network' })),
  ...[
    linkHurt('command-api>kafka', 'answers stalled', 12_000),
    linkHurt('command-api>kafka', 'slow', 5_000),
    linkHurt('projector>kafka', 'cut', 5_000),
    linkHurt('projector>kafka', 'stalled', 15_000),
    linkHurt('projector>mysql', 'cut again and again', 9_000),
    linkHurt('projector>mysql', 'stalled', 15_000),
    linkHurt('projector>mysql', 'answers stalled', 15_000),
    linkHurt('query-api>mysql', 'stalled', 5_000),
  ].map((fault): Scenario => ({ fault, setup: 'faulty network', lagWithinS: 45 })),

  { fault: serviceKilled('command-api-2'), setup: 'pair' },
  { fault: allRestarted(), setup: 'pair', check: noneLost },
  {
    fault: {
      name: 'command-api 10 min ahead, projector 10 min behind',
      part: 'clocks',
      ...nothing(),
    },
    setup: 'shifted',
  },
  { fault: toolRun('rebuild-redis'), setup: 'plain' },
  { fault: toolRun('rebuild-reads'), setup: 'plain' },
  { ...overload(), setup: 'narrow' },
  { fault: plantedDefect(), setup: 'plain', mustBreak: [3, 4, 5, 7, 8, 9] },
  { fault: promoted(), setup: 'replicated', successWithinS: 20 },
  { fault: sidesApart(), setup: 'replicated', successWithinS: 20 },
];

/** What it runs in is the fault. */
function nothing() {
  return { begin: async () => undefined, lastsMs: 5_000 };
}
