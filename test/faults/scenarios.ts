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
import { planted } from './planted-defect.ts';
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
  ].map((fault): Scenario => ({ fault, setting: 'plain' })),

  ...[
    serverKilled('redis', 2_000),
    redisLost(),
    redisTold(['SCRIPT', 'FLUSH']),
    redisTold(['CLIENT', 'PAUSE', 4_000, 'ALL']),
    redisBusy(7_000),
    redisTold(['CLIENT', 'KILL', 'TYPE', 'normal']),
    serverFrozen('redis', 6_000),
  ].map((fault): Scenario => ({ fault, setting: 'plain' })),

  ...[
    serverStopped('mysql', 15_000),
    serverKilled('mysql', 5_000),
    serverFrozen('mysql', 15_000),
    readOnly(10_000),
    checkpointsLocked(12_000),
    deadlocks(10_000),
    poisoned(),
    repeated(),
  ].map((fault): Scenario => ({ fault, setting: 'plain' })),
  { fault: deadLettersRefused(15_000), setting: 'plain' },

  ...[
    serverKilled('kafka-2', 10_000),
    serverStopped('kafka-3', 5_000),
    controllerKilled(10_000),
    serverFrozen('kafka-1', 14_000),
    allKilled(['kafka-1', 'kafka-2'], 10_000),
    allKilled(BROKERS, 60_000),
  ].map((fault): Scenario => ({ fault, setting: 'plain', successWithinS: 20, lagWithinS: 60 })),

  ...[
    linkHurt('command-api>redis', 'cut', 5_000),
    linkHurt('command-api>redis', 'stalled', 5_000),
    linkHurt('command-api>redis', 'answers stalled', 5_000),
    linkHurt('command-api>redis', 'slow', 5_000),
    linkHurt('command-api>redis', 'cut again and again', 9_000),
    linkHurt('command-api>kafka', 'cut', 5_000),
    linkHurt('command-api>kafka', 'stalled', 12_000),
  ].map((fault): Scenario => ({ fault, setting: 'linked' })),
  ...[
    linkHurt('command-api>kafka', 'answers stalled', 12_000),
    linkHurt('command-api>kafka', 'slow', 5_000),
    linkHurt('projector>kafka', 'cut', 5_000),
    linkHurt('projector>kafka', 'stalled', 15_000),
    linkHurt('projector>mysql', 'cut again and again', 9_000),
    linkHurt('projector>mysql', 'stalled', 15_000),
    linkHurt('projector>mysql', 'answers stalled', 15_000),
    linkHurt('query-api>mysql', 'stalled', 5_000),
  ].map((fault): Scenario => ({ fault, setting: 'linked', lagWithinS: 45 })),

  { fault: serviceKilled('command-api-2'), setting: 'pair' },
  { fault: allRestarted(), setting: 'pair', check: noneLost },
  {
    fault: {
      name: 'command-api 10 min ahead, projector 10 min behind',
      part: 'clocks',
      ...nothing(),
    },
    setting: 'shifted',
  },
  { fault: toolRun('rebuild-redis'), setting: 'plain' },
  { fault: toolRun('rebuild-reads'), setting: 'plain' },
  { ...overload(), setting: 'narrow' },
  { fault: planted(), setting: 'plain', mustBreak: [3, 4, 5, 7, 8, 9] },
  { fault: promoted(), setting: 'replicated', successWithinS: 20 },
  { fault: sidesApart(), setting: 'replicated', successWithinS: 20 },
];

/** The setting itself is the fault. */
function nothing() {
  return { begin: async () => undefined, lastsMs: 5_000 };
}
