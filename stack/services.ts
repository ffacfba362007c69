import type { Stack } from './stack.ts';
import type { ManagedProcess } from './supervisor.ts';

/**
 * Starts the services on top of the parts.
 * @param _folder the run folder, for their logs
 * @returns the processes in the order they were started
 */
export async function startServices(_stack: Stack, _folder: string): Promise<ManagedProcess[]> {
  return [];
}
