// A tool as a process that can be killed at a line of its output.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../../../support/wait-until.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export type ToolProcess = {
  /** Its output so far. */
  lines: string[];
  /** Waits until a line of its output matches. */
  prints(line: RegExp): Promise<void>;
  kill(): Promise<void>;
  ended(): Promise<number | null>;
};

/** Starts `firstcome <subcommand> <args>` with this environment beside this process' own. */
export function startTool(
  subcommand: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ToolProcess {
  const child = spawn(process.execPath, ['cli/firstcome.ts', subcommand, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => lines.push(line));
  }
  let isOver = false;
  child.once('close', () => {
    isOver = true;
  });
  // Not `exit`: the last lines may come after that.
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return {
    lines,
    prints: async (line) => {
      await waitUntil(`it prints ${line}`, () => {
        if (lines.some((printed) => line.test(printed))) return true;
        if (isOver) throw new Error(`it ended: ${lines.join('\n')}`);
        return false;
      });
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exit;
    },
    ended: () => exit,
  };
}
