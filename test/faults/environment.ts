// Where a scenario plays: the whole system, the crowd that keeps coming, and what it takes to hurt it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagedProcess } from '../../stack/process/supervisor.ts';
import type { ServiceName } from '../../stack/services.ts';
import { layWires, type Wires } from '../support/faults/faulty-network.ts';
import type { Parts } from '../support/faults/parts.ts';
import { type ExtraService, startExtraService } from '../support/system/extra-service.ts';
import {
  MAX_LAG_S,
  type ReplicatedRedis,
  startReplicatedRedis,
} from '../support/system/replicated-redis.ts';
import { startWorld, type World } from '../support/system/system.ts';
import type { Load } from '../support/workload/sustained-load.ts';

export type SettingName =
  /** One process of each service. */
  | 'plain'
  /** Two command APIs behind the crowd. */
  | 'pair'
  /** Every link between services and servers is a wire. */
  | 'wired'
  /** The command API's clock is ten minutes ahead, the projector's ten minutes behind. */
  | 'shifted'
  /** The command API takes few requests at once. */
  | 'narrow'
  /** Two command APIs, and every link of the services is a wire; the two share theirs. */
  | 'all'
  /** Two command APIs, a Redis master with a replica, and a Sentinel. */
  | 'replicated';

/** The system in a setting, without a crowd. */
export type Setting = {
  name: SettingName;
  world: World;
  parts: Parts;
  /** For the ledgers. */
  folder: string;
  commandApis: readonly string[];
  /** A service's process; `command-api-2` where there are two. */
  process(name: ServiceName | 'command-api-2'): ManagedProcess;
  /** @throws Error where the setting has none; so below */
  wires(): Wires;
  replicated(): ReplicatedRedis;
  close(): Promise<void>;
};

export type Stage = Setting & { load: Load };

const SHIFT_MS = 600_000;
const PAIRED: ReadonlySet<SettingName> = new Set(['pair', 'all', 'replicated']);

/** Starts everything that the setting is made of; the servers of `parts` run already. */
export async function openSetting(
  name: SettingName,
  parts: Parts,
  folder: string,
): Promise<Setting> {
  mkdirSync(folder, { recursive: true });
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const wires = name === 'wired' || name === 'all' ? await layWires() : null;
    if (wires !== null) closers.push(() => wires.close());
    const replicated =
      name === 'replicated' ? await startReplicatedRedis(join(folder, 'replicated')) : null;
    if (replicated !== null) closers.push(() => replicated.close());
    const world = await startWorld(serviceSettings(name, wires), {
      restart: true,
      variables: redisOf(replicated, 0),
    });
    closers.push(() => world.close());
    let second: ExtraService | null = null;
    if (PAIRED.has(name)) {
      const settings = {
        ...serviceSettings(name, wires)['command-api'],
        ...redisOf(replicated, 1),
      };
      second = await startExtraService(world, 'command-api', settings);
      closers.push(second.close);
    }
    return {
      name,
      world,
      parts,
      folder,
      commandApis: [world.commandApi, ...(second === null ? [] : [second.url])],
      process: (service) =>
        service === 'command-api-2' ? there(second).process : world.services.process(service),
      wires: () => there(wires),
      replicated: () => there(replicated),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function serviceSettings(
  name: SettingName,
  wires: Wires | null,
): Partial<Record<ServiceName, Record<string, string>>> {
  if (wires !== null) {
    return {
      'command-api': wires.environmentOf('command-api'),
      projector: wires.environmentOf('projector'),
      'query-api': wires.environmentOf('query-api'),
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
  if (thing === null) throw new Error('this setting does not have it');
  return thing;
}
