import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { awaitMachineLock } from '../process/machine-lock.ts';
import { StackError } from '../stack-error.ts';

const INSTALL_LIMIT_MS = 15 * 60_000;

/** Where downloads are kept, outside of the clone: FIRSTCOME_CACHE, else the user's cache folder. */
function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.FIRSTCOME_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'firstcome');
}

/** The folder of one installed thing; it exists only when it is complete. */
export function cachedFolder(name: string): string {
  return join(cacheFolder(), name);
}

/** True when this thing is completely installed. */
export function isCached(name: string): boolean {
  return existsSync(cachedFolder(name));
}

/**
 * Installs a thing into the cache once: it is filled in a temporary folder that is renamed when
 * complete, under a lock, so that clones beside each other neither collide nor see a half.
 * @returns the folder
 */
export async function installOnce(
  name: string,
  fill: (temporaryFolder: string) => Promise<void>,
): Promise<string> {
  const folder = cachedFolder(name);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const lock = await awaitMachineLock(`install:${folder}`, INSTALL_LIMIT_MS);
  if (lock === undefined) throw new StackError(`another process installs ${name} for too long`);
  try {
    if (existsSync(folder)) return folder;
    await removeParts(name);
    const temporary = await mkdtemp(`${folder}.part-`);
    try {
      await fill(temporary);
      await rename(temporary, folder);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    return folder;
  } finally {
    lock.release();
  }
}

/** Removes what a killed installation left; the lock is held, so no other process fills one. */
async function removeParts(name: string): Promise<void> {
  for (const entry of await readdir(cacheFolder())) {
    if (entry.startsWith(`${name}.part-`)) {
      await rm(join(cacheFolder(), entry), { recursive: true, force: true });
    }
  }
}
