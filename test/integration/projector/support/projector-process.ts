// The projector as a real process, with everything of its own: to be killed, stopped and watched.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { addressOf } from '../../../support/system/addresses.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

type LogLine = Record<string, unknown> & { level: string; msg: string };

export type ProjectorProcess = {
  url: string;
  /** Everything it logged so far. */
  lines: LogLine[];
  /** What it wrote that is no log line. */
  noise: string[];
  isRunning(): boolean;
  /** Sends the signal and waits for the end. @returns the exit code, null after a kill */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  /** Waits until it ends by itself. */
  ended(): Promise<number | null>;
};

/** Settings that name a system and a group of its own. */
export function projectorSettings(system: {
  topicPrefix: string;
  mysqlUrl: string;
}): Record<string, string> {
  return {
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
    SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
    MYSQL_URL: system.mysqlUrl,
    TOPIC_PREFIX: system.topicPrefix,
    CONSUMER_GROUP: `${system.topicPrefix}projector`,
  };
}

/** Starts a projector and waits until it is listening. */
export async function startProjector(settings: Record<string, string>): Promise<ProjectorProcess> {
  const child = spawn(process.execPath, ['projector/main.ts'], {
    cwd: ROOT,
    env: settings,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const noise: string[] = [];
  // Not `exit`: the last lines may come after that.
  const exit = once(child, 'close').then(([code]) => code as number | null);
  createInterface(child.stderr).on('line', (line) => noise.push(line));
  createInterface(child.stdout).on('line', (line) => {
    try {
      lines.push(JSON.parse(line));
    } catch {
      noise.push(line);
    }
  });
  try {
    const port = await waitUntil('the projector listens', () => {
      if (!isRunning(child)) throw new Error(`it ended: ${JSON.stringify([lines, noise])}`);
      return lines.find(({ msg }) => msg === 'listening')?.port as number | undefined;
    });
    return {
      url: `http://127.0.0.1:${port}`,
      lines,
      noise,
      isRunning: () => isRunning(child),
      end: (signal) => {
        if (isRunning(child)) child.kill(signal);
        return exit;
      },
      ended: () => exit,
    };
  } catch (error) {
    child.kill('SIGKILL');
    await exit;
    throw error;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
