// Our own services as processes of this machine, on top of the real parts.
import { join } from 'node:path';
import type { MachineLock } from './process/machine-lock.ts';
import { type ListenerName, lockPort, preferredPorts } from './process/ports.ts';
import { type ManagedProcess, startProcess } from './process/supervisor.ts';

const serviceNames = ['command-api', 'projector', 'query-api'] as const;
export type ServiceName = (typeof serviceNames)[number];

export type Services = {
  /** http://127.0.0.1:port of each service; the projector answers for its health alone. */
  urls: Record<ServiceName, string>;
  /** The ports that were taken, to be remembered. */
  ports: Partial<Record<ListenerName, number>>;
  process(name: ServiceName): ManagedProcess;
  /** Stops what takes requests first, then the projector, then the reads. */
  stop(): Promise<void>;
};

export type ServicesOptions = {
  /** Logs go to `logs/` in here, beside those of the parts. */
  folder: string;
  /** The addresses of the parts, as the services read them (stackVariables). */
  variables: Record<string, string>;
  /** Further settings for single services. */
  settings?: Partial<Record<ServiceName, Record<string, string>>>;
  /** The ports of an earlier start, to be taken again where they are free. */
  rememberedPorts?: Partial<Record<ListenerName, number>>;
  /** Restart a service that dies. */
  restart: boolean;
  report?: (line: string) => void;
  onDeath?: (name: string, lastLines: string[]) => void;
  signal?: AbortSignal;
};

/** Stops a service that does not take SIGTERM after so long; its own limit is shorter. */
const STOP_TIMEOUT_MS = 45_000;

/**
 * Starts the three services side by side and resolves when all are ready.
 * @throws StackError when one does not start; the others are stopped again
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const locks: MachineLock[] = [];
  const processes = new Map<ServiceName, ManagedProcess>();
  const stop = async (): Promise<void> => {
    for (const name of serviceNames) await processes.get(name)?.stop();
    for (const lock of locks) lock.release();
  };
  try {
    const ports: Partial<Record<ListenerName, number>> = {};
    for (const listener of serviceNames.flatMap((name) => [name, `${name}-metrics`] as const)) {
      const { port, lock } = await lockPort(
        preferredPorts[listener],
        options.rememberedPorts?.[listener],
      );
      locks.push(lock);
      ports[listener] = port;
    }
    const urlOf = (name: ServiceName): string => `http://127.0.0.1:${ports[name]}`;
    const starts = serviceNames.map(async (name) => {
      const managed = await startService(
        name,
        urlOf(name),
        {
          HTTP_HOST: '127.0.0.1',
          HTTP_PORT: String(ports[name]),
          METRICS_PORT: String(ports[`${name}-metrics`]),
          QUERY_API_URL: urlOf('query-api'),
          // Nothing balances here.
          SHUTDOWN_DELAY_MS: '0',
          ...options.variables,
          ...options.settings?.[name],
        },
        options,
      );
      processes.set(name, managed);
    });
    const failure = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
    return {
      urls: {
        'command-api': urlOf('command-api'),
        projector: urlOf('projector'),
        'query-api': urlOf('query-api'),
      },
      ports,
      process: (name) => processes.get(name) as ManagedProcess,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startService(
  name: ServiceName,
  url: string,
  env: Record<string, string>,
  { folder, restart, report = () => undefined, onDeath, signal }: ServicesOptions,
): Promise<ManagedProcess> {
  const startMs = performance.now();
  const managed = await startProcess({
    name,
    command: process.execPath,
    args: [`${name}/main.ts`],
    env,
    logFile: join(folder, 'logs', `${name}.log`),
    ready: () => answersReady(url),
    stopTimeoutMs: STOP_TIMEOUT_MS,
    restart,
    onReturn: (returned) => report(`${returned} serves again`),
    ...(onDeath === undefined ? {} : { onDeath }),
    ...(signal === undefined ? {} : { signal }),
  });
  report(`${name} serves … ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  return managed;
}

async function answersReady(url: string): Promise<void> {
  const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
  if (!answer.ok) throw new Error(`not ready: ${await answer.text()}`);
}
