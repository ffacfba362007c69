// A schema registry for one test alone: empty, as one is that lost everything.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockPort } from '../../../stack/process/ports.ts';
import { startProcess } from '../../../stack/process/supervisor.ts';
import { registryInMemory } from '../../../stack/servers/registry.ts';

export type OwnRegistry = { url: string; close(): Promise<void> };

/** Starts one with its data in memory, on a free port. */
export async function startOwnRegistry(): Promise<OwnRegistry> {
  mkdirSync('.firstcome', { recursive: true });
  const folder = mkdtempSync('.firstcome/registry-');
  const [http, management] = await Promise.all([lockPort(), lockPort()]);
  const release = (): void => {
    http.lock.release();
    management.lock.release();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { url, ...program } = registryInMemory(http.port, management.port);
    const logFile = join(folder, 'registry.log');
    const started = await startProcess({ ...program, name: 'registry', logFile, restart: false });
    return {
      url,
      close: async () => {
        await started.stop();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
