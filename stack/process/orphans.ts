import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../stack-error.ts';
import { runCommand } from './run-command.ts';

const LIMIT_SECONDS = 30;

/**
 * Waits for the orphans of an earlier stack of this folder, which end by themselves when the process that
 * started them was killed: each of them holds a lock on the log folder (watchdog.sh).
 * @throws StackError when some still run after 30 s
 */
export async function awaitOrphans(folder: string): Promise<void> {
  const logFolder = join(folder, 'logs');
  mkdirSync(logFolder, { recursive: true });
  const wait = ['--exclusive', '--wait', String(LIMIT_SECONDS), logFolder, 'true'];
  try {
    await runCommand('flock', wait);
  } catch (error) {
    const { message } = error as Error;
    throw new StackError(`processes of an earlier start still use ${logFolder} (${message})`, {
      cause: error,
    });
  }
}
