// What a scenario runs in: the whole system, the load on it, and what it takes to hurt it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagedProcess } from '../../stack/process/supervisor.ts';
import type { ServiceName } from '../../stack/services.ts';
import { createFaultyNetwork, type FaultyNetwork } from '../support/faults/faulty-network.ts';
import type { Parts } from '../support/faults/parts.ts';
import {
  MAX_LAG_S,
  type ReplicatedRedis,
  startReplicatedRedis,
} from '../support/servers/replicated-redis.ts';
import { type ExtraService, startExtraService } from '../support/system/extra-service.ts';
import { type System, startSystem } from '../support/system/system.ts';
import type { Load } from '../support/workload/sustained-load.ts';

export type SetupName =
  /** One process of each service. */
  | 'plain'
  /** Two command APIs; users ask either. */
  | 'pair'
  /** Every connection between services and servers can be cut, stalled and slowed. */
  | 'faulty network'
  /** The command API's clock is ten minutes ahead, the projector's ten minutes behind. */
  | 'shifted'
  /** The command API takes few requests at once. */
  | 'narrow'
  /** Two command APIs on the faulty network; the two share their links. */
  | 'all'
  /** Two command APIs, a Redis master with a replica, and a Sentinel. */
  | 'replicated';

/** The system in one of these forms, without load. */
export type Setup = {
  name: SetupName;
  system: System;
  parts: Parts;
  /** For the ledgers. */
  folder: string;
  commandApis: readonly string[];
  /** A service's process; `command-api-2` where there are two. */
  process(name: ServiceName | 'command-api-2'): ManagedProcess;
  /** @throws Error where the setup has none; so below */
  links(): FaultyNetwork;
  replicated(): ReplicatedRedis;
  close(): Promise<void>;
};

export type FaultEnvironment = Setup & { load: Load };

const SHIFT_MS = 600_000;
const PAIRED: ReadonlySet<SetupName> = new Set(['pair', 'all', 'replicated']);

/** Starts everything that it takes; the servers of `parts` run already. */
export async function openSetup(name: SetupName, parts: Parts, folder: string): Promise<Setup> {
  mkdirSync(folder, { recursive: true });
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const links = name === 'faulty network' || name === 'all' ? await createFaultyNetwork() : null;
    if (links !== null) closers.push(() => links.close());
    const replicated =
      name === 'replicated' ? await startReplicatedRedis(join(folder, 'replicated')) : null;
    if (replicated !== null) closers.push(() => replicated.close());
    const system = await startSystem(serviceSettings(name, links), {
      restart: true,
      variables: redisOf(replicated, 0),
    });
    closers.push(() => system.close());
    let second: ExtraService | null = null;
    if (PAIRED.has(name)) {
      const settings = {
        ...serviceSettings(name, links)['command-api'],
        ...redisOf(replicated, 1),
      };
      second = await startExtraService(system, 'command-api', settings);
      closers.push(second.close);
    }
    return {
      name,
      system,
      parts,
      folder,
      commandApis: [system.commandApi, ...(second === null ? [] : [second.url])],
      process: (service) =>
        service === 'command-api-2' ? there(second).process : system.services.process(service),
      links: () => there(links),
      replicated: () => there(replicated),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function serviceSettings(
  name: SetupName,
  links: FaultyNetwork | null,
): Partial<Record<ServiceName, Record<string, string>>> {
  if (links !== null) {
    return {
      'command-api': links.environmentOf('command-api'),
      projector: links.environmentOf('projector'),
      'query-api': links.environmentOf('query-api'),
    };
  }
  if (name === 'shifted') {
    return { 'command-api': shiftedBy(SHIFT_MS), projector: shiftedBy(-SHIFT_MS) };
  }
  if (name === 'narrow') return { 'command-api': { MAX_WAITING: '500' } };
  return name === 'replicated'
    ? { 'command-api': { REBUILD_LAG_MS: String((MAX_LAG_S + 1) * 1_000) } }
    : {};
}

function shiftedBy(ms: number): Record<string, string> {
  const preload = new URL('../support/faults/shift-clock.ts', import.meta.url).href;
  return { NODE_OPTIONS: `--import=${preload}`, CLOCK_SHIFT_MS: String(ms) };
}

function redisOf(replicated: ReplicatedRedis | null, nth: 0 | 1): Record<string, string> {
  if (replicated === null) return {};
  return { REDIS_URL: `redis://127.0.0.1:${replicated.fronts[nth].port}` };
}

function there<T>(thing: T | null): T {
  if (thing === null) throw new Error('this setup does not have it');
  return thing;
}
