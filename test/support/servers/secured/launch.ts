// Servers of one test alone that take nothing without TLS and a login.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lockPort } from '../../../../stack/process/ports.ts';
import {
  type ManagedProcess,
  type ProcessOptions,
  startProcess,
} from '../../../../stack/process/supervisor.ts';
import type { Certificates } from './certificates.ts';

/** What a server is started with: a place of its own, and how it is stopped with the others. */
export type SecuredContext = {
  certificates: Certificates;
  /** An absolute path, made. */
  folder(name: string): string;
  /** A port that is this test's until the end. */
  port(): Promise<number>;
  launch(options: Omit<ProcessOptions, 'logFile' | 'restart'>): Promise<ManagedProcess>;
  /** Stops what was launched, last first. */
  close(): Promise<void>;
};

/** A context whose data and logs are in `root`, an absolute path. */
export function createSecuredContext(root: string, certificates: Certificates): SecuredContext {
  const closers: (() => Promise<void>)[] = [];
  return {
    certificates,
    folder: (name) => {
      const path = join(root, name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    port: async () => {
      const { port, lock } = await lockPort();
      closers.push(async () => lock.release());
      return port;
    },
    launch: async (options) => {
      const logFile = join(root, 'logs', `${options.name}.log`);
      const managed = await startProcess({ ...options, logFile, restart: false });
      closers.push(() => managed.stop());
      return managed;
    },
    close: async () => {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
