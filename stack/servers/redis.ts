import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import {
  type DebianProgram,
  isUnpacked,
  type UnpackedProgram,
  unpackedProgram,
  unpackProgram,
} from '../install/debian-packages.ts';
import type { Installer } from '../install/installer.ts';
import { runCommand } from '../process/run-command.ts';
import type { PartContext } from './part-context.ts';

const REDIS: DebianProgram = { packageName: 'redis-server', path: 'usr/bin/redis-server' };
const OLDEST_MAJOR = 7;
const PROBE_TIMEOUT_MS = 2_000;

export const redisInstaller: Installer = {
  title: 'redis',
  isInstalled: async () => (await redisOnPath()) !== undefined || (await isUnpacked(REDIS)),
  install: (signal) => unpackProgram(REDIS, signal),
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
  const command = await redisOnPath();
  return command === undefined ? unpackedProgram(REDIS) : { command, args: [] };
}

/** The machine's own redis-server, unless it is missing or too old. */
async function redisOnPath(): Promise<string | undefined> {
  const file = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find((candidate) => existsSync(candidate));
  if (file === undefined) return undefined;
  const major = parseRedisMajor(await runCommand(file, ['--version']).catch(() => ''));
  return major !== undefined && major >= OLDEST_MAJOR ? file : undefined;
}

/** The major version in what `redis-server --version` writes. */
export function parseRedisMajor(text: string): number | undefined {
  const major = /\bv=(\d+)\./.exec(text)?.[1];
  return major === undefined ? undefined : Number(major);
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
