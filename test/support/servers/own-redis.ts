// A Redis for one test alone, to be killed, emptied and made a replica.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { ManagedProcess } from '../../../stack/process/supervisor.ts';
import { startStack } from '../../../stack/stack.ts';

export type OwnRedis = {
  url: string;
  port: number;
  process: ManagedProcess;
  /** Stops it and removes its data. */
  close(): Promise<void>;
};

/** Starts an empty Redis with data of its own, on a free port. */
export async function startOwnRedis(): Promise<OwnRedis> {
  mkdirSync('.firstcome', { recursive: true });
  const folder = mkdtempSync('.firstcome/redis-');
  const stack = await startStack({ folder, parts: ['redis'], restart: false });
  const url = stack.addresses.redisUrl;
  return {
    url,
    port: Number(new URL(url).port),
    process: stack.process('redis'),
    close: async () => {
      await stack.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
