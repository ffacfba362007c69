import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import {
  type DebianProgram,
  isUnpacked,
  type UnpackedProgram,
  unpackedProgram,
  unpackProgram,
} from '../install/debian-packages.ts';
import type { Installer } from '../install/installer.ts';
import { findOnPath, isAtLeast, type PathProgram } from '../install/programs-on-path.ts';
import type { PartContext } from './part-context.ts';

// The version that the tests run on.
const OLDEST = '7.0';
const ON_PATH: PathProgram = {
  name: 'redis-server',
  parseVersion: parseRedisVersion,
  oldest: OLDEST,
};
const PACKAGED: DebianProgram = {
  packageName: 'redis-server',
  path: 'usr/bin/redis-server',
  fits: (text) => isAtLeast(parseRedisVersion(text) ?? '0', OLDEST),
};
const PROBE_TIMEOUT_MS = 2_000;

export const redisInstaller: Installer = {
  title: `redis ${OLDEST} or newer`,
  isInstalled: async () =>
    (await findOnPath(ON_PATH)) !== undefined || (await isUnpacked(PACKAGED)),
  install: (signal) => unpackProgram(PACKAGED, signal),
};

/** The arguments of a Redis that loses at most the last second and keeps its replication log for ever. */
export function redisArguments(port: number, dataFolder: string): string[] {
  return [
    ...['--bind', '127.0.0.1', '--port', String(port), '--dir', dataFolder],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    ...['--maxmemory-policy', 'noeviction', '--repl-backlog-ttl', '0'],
    ...['--daemonize', 'no', '--protected-mode', 'yes'],
  ];
}

/**
 * Starts Redis.
 * @returns its address
 */
export async function startRedis(context: PartContext): Promise<string> {
  const port = await context.port('redis');
  const dataFolder = context.dataFolder('redis');
  await mkdir(dataFolder, { recursive: true });
  const { command, args } = await redisProgram();
  await context.launch({
    name: 'redis',
    command,
    args: [...args, ...redisArguments(port, dataFolder)],
    ready: () => ping(port),
  });
  return `redis://127.0.0.1:${port}`;
}

/** The redis-server of this machine, or else our own copy; with `--sentinel` it is a Sentinel. */
export async function redisProgram(): Promise<Pick<UnpackedProgram, 'command' | 'args'>> {
  const command = await findOnPath(ON_PATH);
  return command === undefined ? unpackedProgram(PACKAGED) : { command, args: [] };
}

/** The version in what `redis-server --version` writes. */
export function parseRedisVersion(text: string): string | undefined {
  return /\bv=(\d+(?:\.\d+)*)/.exec(text)?.[1];
}

/** Resolves when Redis answers PING; while it loads its data it answers with an error. */
function ping(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: PROBE_TIMEOUT_MS });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      socket.destroy();
      const text = answer.toString().trim();
      if (text === '+PONG') resolve();
      else reject(new Error(text));
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer to PING')));
    socket.once('error', reject);
  });
}
