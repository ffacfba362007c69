// The baseline of the ratios: the bare server under the same client, in the same minute.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RushResult } from '../report/tally.ts';
import { type RushOptions, runRush } from './rush.ts';

/** Users of the rush before the one that counts: until then the server runs unoptimised code. */
export const WARM_UP_USERS = 5_000;

/** Starts the bare server, warms it up, rushes it, stops it. */
export async function measureBaseline(
  options: Omit<RushOptions, 'commandApiUrl'>,
): Promise<RushResult> {
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL('./bare-server.ts', import.meta.url))],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const commandApiUrl = `http://127.0.0.1:${await portOf(server)}`;
    const quiet = { ledgerFile: null, rate: null, report: () => undefined };
    await runRush({ ...options, ...quiet, commandApiUrl, users: WARM_UP_USERS });
    const { result } = await runRush({ ...options, ledgerFile: null, commandApiUrl });
    return result;
  } finally {
    if (server.exitCode === null && server.kill()) await once(server, 'exit');
  }
}

/** The measured against the baseline: 1 is as fast as doing nothing. */
export function formatRatio(result: RushResult, baseline: RushResult): string {
  const line = (name: string, measured: number, bare: number): string =>
    `  ${name.padEnd(14)} ${(measured / bare).toFixed(2)}  (${Math.round(measured)} against ${Math.round(bare)})`;
  return [
    'against a bare express 5 server that parses and answers the same JSON:',
    line('answers/s', result.answersPerSecond, baseline.answersPerSecond),
    line('accepted/s', result.acceptedPerSecond, baseline.acceptedPerSecond),
    '',
  ].join('\n');
}

async function portOf(server: ChildProcess): Promise<number> {
  if (server.stdout === null) throw new Error('the bare server has no output');
  for await (const line of createInterface({ input: server.stdout })) return Number(line);
  throw new Error('the bare server ended before it served');
}
