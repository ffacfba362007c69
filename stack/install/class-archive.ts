// The classes a Java program loads, in the form the JVM has them in memory: with such an archive a broker
// or the registry needs about a third less processor time to start. It belongs to one build of Java.
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessOptions, startProcess } from '../process/supervisor.ts';
import { cachedFolder, installOnce, isCached } from './cache.ts';
import type { Java } from './java.ts';

const FILE = 'classes.jsa';

/** A program with its version, and the Java that runs it. */
export type ArchivedProgram = { program: string; java: Java };

/** True when the archive of this program for this Java is there. */
export function hasClassArchive(archived: ArchivedProgram): boolean {
  return isCached(archiveName(archived));
}

/** The JVM's options to use the archive; none when there is none. */
export function classArchiveOptions(archived: ArchivedProgram): string[] {
  const file = join(cachedFolder(archiveName(archived)), FILE);
  return existsSync(file) ? [`-XX:SharedArchiveFile=${file}`] : [];
}

/**
 * Starts a program once, by itself, and has the JVM write down at its end what it had loaded.
 * @param prepare given a scratch folder and the JVM's options, prepares the program and returns how to start it
 * @throws StackError when it does not start
 */
export async function installClassArchive(
  archived: ArchivedProgram,
  prepare: (
    scratchFolder: string,
    jvmOptions: string[],
  ) => Promise<Pick<ProcessOptions, 'args' | 'env' | 'ready'>>,
  signal?: AbortSignal,
): Promise<void> {
  await installOnce(archiveName(archived), async (folder) => {
    const scratch = join(folder, 'scratch');
    await mkdir(scratch);
    // Without its warnings of classes that cannot be archived.
    const quiet = ['-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
    const process = await startProcess({
      ...(await prepare(scratch, [`-XX:ArchiveClassesAtExit=${join(folder, FILE)}`, ...quiet])),
      name: archived.program,
      command: join(archived.java.home, 'bin', 'java'),
      cwd: scratch,
      logFile: join(scratch, 'program.log'),
      restart: false,
      stopTimeoutMs: 60_000,
      ...(signal === undefined ? {} : { signal }),
    });
    await process.stop();
    await rm(scratch, { recursive: true });
  });
}

function archiveName({ program, java }: ArchivedProgram): string {
  return `${program}-classes-java-${java.version}`;
}
