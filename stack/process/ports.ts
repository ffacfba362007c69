import { createServer } from 'node:net';
import { StackError } from '../stack-error.ts';
import { type MachineLock, tryMachineLock } from './machine-lock.ts';

// Below Linux's ephemeral range: no outgoing connection can take the port of a part while it restarts.
const FIRST_RANDOM_PORT = 20_000;
const LAST_RANDOM_PORT = 31_999;

/** Who listens where: the preferred port of every listener a stack may open. */
export const preferredPorts = {
  'kafka-1': 9092,
  'kafka-2': 9093,
  'kafka-3': 9094,
  'kafka-1-controller': 19_092,
  'kafka-2-controller': 19_093,
  'kafka-3-controller': 19_094,
  registry: 8085,
  'registry-management': 18_085,
  redis: 6379,
  mysql: 3306,
  mariadb: 3307,
  'command-api': 8080,
  'query-api': 8081,
  projector: 8082,
  'command-api-metrics': 9180,
  'query-api-metrics': 9181,
  'projector-metrics': 9182,
} as const;

export type ListenerName = keyof typeof preferredPorts;

/**
 * The ports to try for one listener, best first: the one used last time, the well-known one, then
 * every port of the random range once, starting at a place given by `random`.
 * @param random 0 <= random < 1
 */
export function* portCandidates(
  preferred: number | undefined,
  remembered: number | undefined,
  random: number,
): Generator<number> {
  if (remembered !== undefined) yield remembered;
  if (preferred !== undefined && preferred !== remembered) yield preferred;
  const size = LAST_RANDOM_PORT - FIRST_RANDOM_PORT + 1;
  const start = Math.floor(random * size);
  for (let step = 0; step < size; step += 1) {
    const port = FIRST_RANDOM_PORT + ((start + step) % size);
    if (port !== remembered && port !== preferred) yield port;
  }
}

/** True when nothing listens on this port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

type LockedPort = { port: number; lock: MachineLock };

/**
 * Finds a free port and locks it, so that no other stack takes it, even while the part restarts.
 * @param preferred the well-known port, if any
 * @param remembered the port of the last start, tried first
 * @throws StackError when no port is left
 */
export async function lockPort(preferred?: number, remembered?: number): Promise<LockedPort> {
  for (const port of portCandidates(preferred, remembered, Math.random())) {
    const lock = await tryMachineLock(`port:${port}`);
    if (lock === undefined) continue;
    if (await isPortFree(port)) return { port, lock };
    lock.release();
  }
  throw new StackError('no port of 127.0.0.1 is free');
}
