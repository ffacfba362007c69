// The real parts as processes of this machine: installs what is missing, starts them side by side,
// stops them in reverse order.
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Installer, installMissing, secondsSince } from './install/installer.ts';
import { kafkaInstaller } from './install/kafka-install.ts';
import { awaitMachineLock, type MachineLock, tryMachineLock } from './process/machine-lock.ts';
import { awaitOrphans } from './process/orphans.ts';
import { lockPort, preferredPorts } from './process/ports.ts';
import { type ManagedProcess, startProcess } from './process/supervisor.ts';
import { startKafka } from './servers/kafka.ts';
import { mariadbInstaller, mysqlInstaller, startMariadb, startMysql } from './servers/mysql.ts';
import type { PartContext } from './servers/part-context.ts';
import { redisInstaller, startRedis } from './servers/redis.ts';
import { registryInstaller, startRegistry } from './servers/registry.ts';
import { StackError } from './stack-error.ts';
import { readState, type StackState, writeState } from './stack-state.ts';

// Long enough for one that was killed this very moment to be gone.
const FOLDER_LIMIT_MS = 3_000;

export type PartName = 'kafka' | 'registry' | 'redis' | 'mysql' | 'mariadb';

export const partNames: readonly PartName[] = ['kafka', 'registry', 'redis', 'mysql', 'mariadb'];

/** Reading the address of a part that was not asked for throws a StackError. */
type StackAddresses = {
  /** host:port of the three brokers */
  readonly kafkaBrokers: string[];
  /** http://127.0.0.1:port/apis/ccompat/v7 */
  readonly registryUrl: string;
  /** redis://127.0.0.1:port */
  readonly redisUrl: string;
  /** mysql://firstcome:password@127.0.0.1:port/firstcome */
  readonly mysqlUrl: string;
  /** as mysqlUrl */
  readonly mariadbUrl: string;
};

export type StackOptions = {
  /** Holds data/, logs/, stack.json and, while it runs, env; one stack at a time per folder. */
  folder: string;
  /** `registry` keeps its data in Kafka and needs `kafka` beside it. */
  parts: readonly PartName[];
  /** Restart a part that dies. */
  restart: boolean;
  /** Called with one line for each thing that gets ready. */
  report?: (line: string) => void;
  /** Called at once for every unexpected death. */
  onDeath?: (part: string, lastLines: string[]) => void;
  /** Ends a start that is under way; what has started is stopped. */
  signal?: AbortSignal;
};

export type Stack = {
  addresses: StackAddresses;
  /**
   * One process: kafka-1, kafka-2, kafka-3, registry, redis, mysql, mariadb.
   * @throws StackError when the stack has none of that name
   */
  process(name: string): ManagedProcess;
  /** Stops all processes, what depends on others first; the data stays. */
  stop(): Promise<void>;
};

/**
 * Starts parts and resolves when all of them serve.
 * @throws StackError when the folder is in use, something cannot be installed, or a part does not
 *   start; what had started is stopped again
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { parts, report = () => undefined } = options;
  if (parts.includes('registry') && !parts.includes('kafka')) {
    throw new StackError('the schema registry keeps its data in Kafka: start kafka as well');
  }
  mkdirSync(options.folder, { recursive: true });
  const folder = realpathSync(options.folder);
  const locks: MachineLock[] = [await lockFolder(folder)];
  const processes = new Map<string, ManagedProcess>();
  const envFile = join(folder, 'env');
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal ? [options.signal] : [])]);
  const stop = async () => {
    rmSync(envFile, { force: true });
    await stopInOrder(processes);
    for (const lock of locks) lock.release();
  };
  try {
    await installMissing(installersOf(parts, dataFolderIn(folder), report), report, signal);
    await awaitOrphans(folder);
    const state = readState(folder);
    const context = partContext({ ...options, folder, signal }, state, processes, locks);
    const known = await startParts(parts, context, () => failure.abort());
    signal?.throwIfAborted();
    state.parts = [...parts];
    state.addresses = addressVariables(known);
    writeState(folder, state);
    writeFileSync(envFile, renderEnv(state.addresses), { mode: 0o600 });
    return { addresses: addressesOf(known), process: (name) => processOf(processes, name), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The addresses a running stack has, as the variables that the services read. */
export function stackVariables(stack: Stack): Record<string, string> {
  return addressVariables(stack.addresses);
}

/** Lines for a shell's `set -a; . file`; no value holds a character that a shell would take for more. */
function renderEnv(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function addressVariables(known: Partial<StackAddresses>): Record<string, string> {
  const has = (key: keyof StackAddresses) => Object.keys(known).includes(key);
  return {
    ...(has('kafkaBrokers') ? { KAFKA_BROKERS: known.kafkaBrokers?.join(',') ?? '' } : {}),
    ...(has('registryUrl') ? { SCHEMA_REGISTRY_URL: known.registryUrl ?? '' } : {}),
    ...(has('redisUrl') ? { REDIS_URL: known.redisUrl ?? '' } : {}),
    ...(has('mysqlUrl') ? { MYSQL_URL: known.mysqlUrl ?? '' } : {}),
    ...(has('mariadbUrl') ? { MARIADB_URL: known.mariadbUrl ?? '' } : {}),
  };
}

/** True while a process runs a stack in this folder. */
export async function isStackRunning(folder: string): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  const lock = await tryMachineLock(folderLockName(realpathSync(folder)));
  lock?.release();
  return lock === undefined;
}

function folderLockName(folder: string): string {
  return `stack:${folder}`;
}

async function lockFolder(folder: string): Promise<MachineLock> {
  const lock = await awaitMachineLock(folderLockName(folder), FOLDER_LIMIT_MS);
  if (lock === undefined) throw new StackError(`a stack runs in ${folder} already`);
  return lock;
}

/** Where a process of a stack keeps its data, by its name. */
function dataFolderIn(folder: string): (name: string) => string {
  return (name) => join(folder, 'data', name);
}

function installersOf(
  parts: readonly PartName[],
  dataFolder: (name: string) => string,
  report: (line: string) => void,
): Installer[] {
  const installers: Record<PartName, () => Installer> = {
    kafka: kafkaInstaller,
    registry: registryInstaller,
    redis: () => redisInstaller,
    mysql: () => mysqlInstaller(dataFolder, report),
    mariadb: () => mariadbInstaller,
  };
  return parts.map((part) => installers[part]());
}

function partContext(
  options: StackOptions & { signal: AbortSignal },
  state: StackState,
  processes: Map<string, ManagedProcess>,
  locks: MachineLock[],
): PartContext {
  const { folder, restart, report = () => undefined, onDeath, signal } = options;
  return {
    state,
    signal,
    dataFolder: dataFolderIn(folder),
    port: async (listener) => {
      const { port, lock } = await lockPort(preferredPorts[listener], state.ports[listener]);
      locks.push(lock);
      state.ports[listener] = port;
      writeState(folder, state);
      return port;
    },
    launch: async (processOptions) => {
      const startMs = performance.now();
      const managed = await startProcess({
        ...processOptions,
        logFile: join(folder, 'logs', `${processOptions.name}.log`),
        restart,
        onReturn: (name) => report(`${name} serves again`),
        ...(onDeath === undefined ? {} : { onDeath }),
        signal,
      });
      processes.set(managed.name, managed);
      report(`${managed.name} serves … ${secondsSince(startMs)} s`);
      return managed;
    },
  };
}

/** Starts the parts side by side; what fails first cancels the rest and is thrown. */
async function startParts(
  parts: readonly PartName[],
  context: PartContext,
  cancel: () => void,
): Promise<Partial<StackAddresses>> {
  const starts: Partial<Record<PartName, () => Promise<Partial<StackAddresses>>>> = {
    kafka: async () => {
      const kafkaBrokers = await startKafka(context);
      if (!parts.includes('registry')) return { kafkaBrokers };
      return { kafkaBrokers, registryUrl: await startRegistry(context, kafkaBrokers) };
    },
    redis: async () => ({ redisUrl: await startRedis(context) }),
    mysql: async () => ({ mysqlUrl: await startMysql(context) }),
    mariadb: async () => ({ mariadbUrl: await startMariadb(context) }),
  };
  const known: Partial<StackAddresses> = {};
  const failures: unknown[] = [];
  const outcomes = parts.map(async (part) => {
    try {
      Object.assign(known, await starts[part]?.());
    } catch (error) {
      failures.push(error);
      cancel();
    }
  });
  await Promise.all(outcomes);
  if (failures.length > 0) throw failures[0];
  return known;
}

function addressesOf(known: Partial<StackAddresses>): StackAddresses {
  const addresses = { ...known };
  for (const key of ['kafkaBrokers', 'registryUrl', 'redisUrl', 'mysqlUrl', 'mariadbUrl']) {
    if (key in known) continue;
    Object.defineProperty(addresses, key, {
      enumerable: false,
      get: () => {
        throw new StackError(`${key}: that part was not asked for when the stack was started`);
      },
    });
  }
  return addresses as StackAddresses;
}

function processOf(processes: Map<string, ManagedProcess>, name: string): ManagedProcess {
  const found = processes.get(name);
  if (found !== undefined) return found;
  throw new StackError(
    `the stack has no process ${name}, only ${[...processes.keys()].join(', ')}`,
  );
}

async function stopInOrder(processes: Map<string, ManagedProcess>): Promise<void> {
  // The registry writes to Kafka until its end.
  await processes.get('registry')?.stop();
  await Promise.all([...processes.values()].map((managed) => managed.stop()));
}
