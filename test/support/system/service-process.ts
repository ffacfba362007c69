// One service as a real process, for tests that send it signals or look at its exit code.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type ServiceProcess = {
  /** Where it serves. */
  url: string;
  /** Its log so far, one JSON line an entry. */
  log(): string;
  /** Sends a signal and waits for the end. @returns the exit code; null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
};

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Runs `<folder>/main.ts` with these settings on a free loopback port, until it serves.
 * @param root the folder that holds `<folder>` and node_modules
 * @throws Error with its log when it ends before that
 */
export async function startService(
  folder: 'command-api' | 'projector' | 'query-api',
  settings: Record<string, string>,
  root = REPOSITORY,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [`${folder}/main.ts`], {
    cwd: root,
    env: { HTTP_HOST: '127.0.0.1', HTTP_PORT: '0', SHUTDOWN_DELAY_MS: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const port = Promise.withResolvers<number>();
  let log = '';
  const listenTo = (chunk: Buffer): void => {
    log += chunk.toString();
    const match = /"port":(\d+)[^\n]*"msg":"listening"/.exec(log);
    if (match !== null) port.resolve(Number(match[1]));
  };
  child.stdout.on('data', listenTo);
  child.stderr.on('data', listenTo);
  void ended.then((code) => port.reject(new Error(`${folder} ended with ${code}: ${log}`)));
  const url = `http://127.0.0.1:${await port.promise}`;
  return {
    url,
    log: () => log,
    end: async (signal) => {
      child.kill(signal);
      return await ended;
    },
  };
}
