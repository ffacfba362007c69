import type { ListenerName } from '../process/ports.ts';
import type { ManagedProcess, ProcessOptions } from '../process/supervisor.ts';
import type { StackState } from '../stack-state.ts';

/** What a part is given to start its processes. */
export type PartContext = {
  state: StackState;
  /** Aborts when the start is to end. */
  signal: AbortSignal;
  /** The folder that holds the data of one process. */
  dataFolder(name: string): string;
  /** A port of 127.0.0.1 that is this listener's for as long as the stack lives. */
  port(listener: ListenerName): Promise<number>;
  /** Starts a process of the part; resolves when it serves. */
  launch(
    options: Omit<ProcessOptions, 'logFile' | 'restart' | 'onDeath' | 'onReturn' | 'signal'>,
  ): Promise<ManagedProcess>;
};
