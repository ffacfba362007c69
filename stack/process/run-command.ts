import { spawn } from 'node:child_process';
import { StackError } from '../stack-error.ts';

const MAX_SHOWN_LINES = 15;

export type CommandOptions = {
  cwd?: string;
  env?: Record<string, string>;
  /** Text given on the standard input. */
  input?: string;
  /** Ends the command. */
  signal?: AbortSignal | undefined;
};

/**
 * Runs a command to its end.
 * @returns what it wrote on its standard output
 * @throws StackError with the last lines it wrote when it cannot be run or does not end with 0
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      signal: options.signal,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    let everything = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      everything += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      everything += text;
    });
    child.once('error', (error) =>
      reject(
        options.signal?.aborted
          ? new StackError(`${command} was cancelled`, { cause: error })
          : new StackError(`${command} cannot be run: ${error.message}`, { cause: error }),
      ),
    );
    child.once('close', (code, signal) => {
      if (code === 0) {
        resolve(output);
        return;
      }
      const lines = everything.trimEnd().split('\n').slice(-MAX_SHOWN_LINES);
      reject(new StackError([`${command} ended with ${signal ?? code}:`, ...lines].join('\n  ')));
    });
    // A command that ends before it has read all shows that by its code.
    child.stdin.once('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}
