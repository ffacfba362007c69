// Servers that are installed on this machine already.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from '../process/run-command.ts';

/** A program that may be in PATH, and what makes it fit. */
export type PathProgram = {
  name: string;
  /** Finds the version in what `--version` writes; undefined when it is another program. */
  parseVersion: (text: string) => string | undefined;
  /** As `8.0` or `8.0.19`. */
  oldest: string;
};

/**
 * The first program of that name in PATH that is new enough.
 * @returns its file, with no link followed: some programs behave by the name they are called by;
 *   undefined when there is none
 */
export async function findOnPath(
  { name, parseVersion, oldest }: PathProgram,
  path: string = process.env.PATH ?? '',
): Promise<string | undefined> {
  const files = path.split(delimiter).map((folder) => join(folder, name));
  for (const file of files.filter((candidate) => existsSync(candidate))) {
    const text = await runCommand(file, ['--version']).catch(() => '');
    const version = parseVersion(text);
    if (version !== undefined && isAtLeast(version, oldest) && !isConfined(realpathSync(file))) {
      return file;
    }
  }
  return undefined;
}

/** Compares the numbers of two versions, the first one first; a number that is missing counts as 0. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [have, want] = [version, oldest].map((text) => text.split('.').map(Number));
  for (const [place, number] of (want ?? []).entries()) {
    const difference = (have?.[place] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * True when AppArmor has a profile for this program, named after its path: a server of the machine's
 * own may then use the machine's own data folder and no other.
 */
function isConfined(file: string): boolean {
  return existsSync(join('/etc/apparmor.d', file.slice(1).replaceAll('/', '.')));
}
