// A command as an operator runs it: as a process of its own, by exit code and output.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export type CliRun = { code: number; stdout: string; stderr: string };

/** Runs `firstcome <subcommand> <args>` in the repository's root; `env` beside this process' own. */
export function runCli(
  subcommand: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CliRun> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['cli/firstcome.ts', ...subcommand.split(' '), ...args],
      { cwd: ROOT, env: { ...process.env, ...env }, timeout: 240_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1);
        resolve({ code, stdout, stderr });
      },
    );
  });
}
