import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import {
  installDebianPackage,
  isDebianPackageInstalled,
  unpackedProgram,
} from './debian-packages.ts';
import type { Installer } from './installer.ts';
import type { PartContext } from './part-context.ts';

const PACKAGE = 'redis-server';
const PROBE_TIMEOUT_MS = 2_000;

export const redisInstaller: Installer = {
  title: 'redis',
  isInstalled: async () => redisOnPath() !== undefined || (await isDebianPackageInstalled(PACKAGE)),
  install: async () => {
    await installDebianPackage(PACKAGE, undefined);
  },
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

async function redisProgram(): Promise<{ command: string; args: string[] }> {
  const onPath = redisOnPath();
  if (onPath !== undefined) return { command: onPath, args: [] };
  return unpackedProgram(await installDebianPackage(PACKAGE, undefined), 'usr/bin/redis-server');
}

function redisOnPath(): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find((file) => existsSync(file));
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
