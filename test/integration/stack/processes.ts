import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { randomWord } from '../../../platform/random-word.ts';

/** A folder of its own for one test, and how to remove it. */
export function scratchFolder(): { folder: string; remove: () => void } {
  const folder = resolve('.firstcome', `test-${randomWord(12)}`);
  mkdirSync(folder, { recursive: true });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The pids of all processes whose command line names this text, the dead that nobody reaped excepted. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(text) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** True while this process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
