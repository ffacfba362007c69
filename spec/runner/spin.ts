// Spin and the C compiler that its verifiers need: the machine's own Spin, or else our own copy.
import { spawnSync } from 'node:child_process';
import {
  type DebianProgram,
  isUnpacked,
  type UnpackedProgram,
  unpackedProgram,
  unpackProgram,
} from '../../stack/install/debian-packages.ts';

const SPIN: DebianProgram = { packageName: 'spin', path: 'usr/bin/spin', versionArgument: '-V' };

/**
 * How to run Spin; it is unpacked into the cache when the machine has none.
 * @throws Error that says in one line what is missing
 */
export async function ensureSpin(
  signal: AbortSignal,
): Promise<Pick<UnpackedProgram, 'command' | 'args'>> {
  if (!runs('gcc', '--version')) throw new Error('gcc is missing: apt-get install gcc');
  if (runs('spin', '-V')) return { command: 'spin', args: [] };
  if (!(await isUnpacked(SPIN))) await unpackProgram(SPIN, signal);
  return unpackedProgram(SPIN);
}

function runs(command: string, argument: string): boolean {
  return spawnSync(command, [argument], { stdio: 'ignore' }).status === 0;
}
