import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomWord } from '../platform/random-word.ts';
import type { ListenerName } from './process/ports.ts';

/** What a folder's stack keeps between starts, in stack.json. */
export type StackState = {
  /** Kafka's id of the cluster: 22 characters of URL-safe base64, which stand for 16 bytes. */
  clusterId: string;
  /** Of the user `firstcome` in MySQL and MariaDB. */
  databasePassword: string;
  ports: Partial<Record<ListenerName, number>>;
  /** Parts and addresses of the last start, for people and tools. */
  addresses: Record<string, string>;
  parts: string[];
};

/** What the folder keeps, or a fresh state when it keeps none. */
export function readState(folder: string): StackState {
  const file = stateFile(folder);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as StackState;
  return {
    clusterId: randomWord(22),
    databasePassword: randomWord(32),
    ports: {},
    addresses: {},
    parts: [],
  };
}

/** Writes stack.json in one step, readable by its owner alone: it holds a password. */
export function writeState(folder: string, state: StackState): void {
  mkdirSync(folder, { recursive: true });
  const file = stateFile(folder);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function stateFile(folder: string): string {
  return join(folder, 'stack.json');
}
