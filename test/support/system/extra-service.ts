// One more process of a service in a system that has one already.
import { dirname, join } from 'node:path';
import { lockPort } from '../../../stack/process/ports.ts';
import { type ManagedProcess, startProcess } from '../../../stack/process/supervisor.ts';
import type { ServiceName } from '../../../stack/services.ts';
import type { System } from './system.ts';

export type ExtraService = { url: string; process: ManagedProcess; close(): Promise<void> };

/** Starts another one with the system's settings and these; it is brought back when it dies. */
export async function startExtraService(
  system: System,
  name: ServiceName,
  settings: Record<string, string> = {},
): Promise<ExtraService> {
  const { port, lock } = await lockPort();
  const url = `http://127.0.0.1:${port}`;
  const process = await startProcess({
    name: `${name}-${port}`,
    command: globalThis.process.execPath,
    args: [`${name}/main.ts`],
    env: {
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      QUERY_API_URL: system.queryApi,
      SHUTDOWN_DELAY_MS: '0',
      ...system.variables,
      ...settings,
    },
    logFile: join(dirname(system.logFile(name)), `${name}-${port}.log`),
    ready: async () => {
      const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      if (!answer.ok) throw new Error(`not ready: ${await answer.text()}`);
    },
    restart: true,
  });
  return {
    url,
    process,
    close: async () => {
      await process.stop();
      lock.release();
    },
  };
}
