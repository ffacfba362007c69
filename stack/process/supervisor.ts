// Starts a child process, waits until it serves, reports its death, restarts it, stops it.
// watchdog.sh runs between: it ends the child when this process is gone, however it ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { StackError } from '../stack-error.ts';
import { lastLogLines } from './log-tail.ts';

const WATCHDOG = fileURLToPath(new URL('./watchdog.sh', import.meta.url));
const PROBE_INTERVAL_MS = 100;
// A machine that does much else may take ten times what a start takes.
const DEFAULT_READY_TIMEOUT_MS = 180_000;
const DEFAULT_STOP_TIMEOUT_MS = 15_000;
const FIRST_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 15_000;
/** A process that lived this long was healthy: the back-off begins anew. */
const HEALTHY_AFTER_MS = 60_000;

export type ProcessOptions = {
  name: string;
  command: string;
  args: readonly string[];
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  cwd?: string;
  /** Output and errors are appended here; its folder must be the same for all processes of a stack. */
  logFile: string;
  /** Asks once whether the process serves; rejects while it does not. */
  ready: () => Promise<unknown>;
  readyTimeoutMs?: number;
  /** Time between SIGTERM and SIGKILL. */
  stopTimeoutMs?: number;
  /** Restart it, with back-off, when it dies by itself or is killed. */
  restart: boolean;
  /** Called at once for every unexpected death, except one during the first start, which rejects. */
  onDeath?: (name: string, lastLines: string[]) => void;
  /** Called when a process that died serves again. */
  onReturn?: (name: string) => void;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
};

type ProcessExit = {
  code: number | null;
  signal: NodeJS.Signals | null;
};

export type ManagedProcess = {
  readonly name: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** Settles when the present run (or, while none is running, the last one) is over. */
  readonly exited: Promise<ProcessExit>;
  /** Sends a signal to the process alone; with `restart` it is started again if it dies of it. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, after the limit SIGKILL; resolves when it is gone. It is not restarted. */
  stop(): Promise<void>;
  /** Starts it again after `stop` or a death; resolves when it serves, at once when it already runs. */
  start(): Promise<void>;
};

type Run = {
  child: ChildProcess;
  startedAtMs: number;
  exit: ProcessExit | undefined;
  exited: Promise<ProcessExit>;
};

class SupervisedProcess implements ManagedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #run: Run | undefined;
  #wanted = false;
  #attempt: Promise<void> | undefined;
  #backOffMs = FIRST_BACK_OFF_MS;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get pid(): number | undefined {
    return this.#run?.exit === undefined ? this.#run?.child.pid : undefined;
  }

  get exited(): Promise<ProcessExit> {
    return this.#run?.exited ?? Promise.resolve({ code: null, signal: null });
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#run?.exit === undefined) this.#run?.child.kill(signal);
  }

  async start(): Promise<void> {
    if (this.#attempt !== undefined) return this.#attempt;
    if (this.pid !== undefined) return;
    this.#wanted = true;
    try {
      await this.#tryToStart();
    } catch (error) {
      this.#wanted = false;
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    const run = this.#run;
    if (run === undefined || run.exit !== undefined) return;
    this.kill('SIGTERM');
    // A paused process would take note of SIGTERM only when it goes on.
    this.kill('SIGCONT');
    const limitMs = this.#options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS;
    const timer = setTimeout(() => this.kill('SIGKILL'), limitMs);
    await run.exited;
    clearTimeout(timer);
  }

  #tryToStart(): Promise<void> {
    const run = this.#spawn();
    this.#attempt = this.#awaitReady(run)
      .catch(async (error: unknown) => {
        if (run.exit === undefined) run.child.kill('SIGKILL');
        await run.exited;
        throw error;
      })
      .finally(() => {
        this.#attempt = undefined;
      });
    return this.#attempt;
  }

  #spawn(): Run {
    const { command, args, env, cwd, logFile } = this.#options;
    const folder = dirname(logFile);
    mkdirSync(folder, { recursive: true });
    const log = openSync(logFile, 'a');
    const child = spawn('/bin/sh', [WATCHDOG, folder, command, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log, 'pipe'],
      // Its own process group: a terminal's Ctrl-C reaches us only, and we choose the order of stopping.
      detached: true,
    });
    closeSync(log);
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once('error', () => resolve({ code: null, signal: null }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    }).then((exit) => {
      run.exit = exit;
      // The end of the pipe makes the watchdog end what the process may have left behind.
      child.stdio[3]?.destroy();
      this.#onExit(run);
      return exit;
    });
    const run: Run = { child, startedAtMs: Date.now(), exit: undefined, exited };
    this.#run = run;
    return run;
  }

  async #awaitReady(run: Run): Promise<void> {
    const { name, ready, readyTimeoutMs = DEFAULT_READY_TIMEOUT_MS, signal } = this.#options;
    const limit = AbortSignal.any([
      AbortSignal.timeout(readyTimeoutMs),
      ...(signal === undefined ? [] : [signal]),
    ]);
    const overdue = once(limit, 'abort').then(() => 'overdue' as const);
    const ended = run.exited.then(() => 'ended' as const);
    let lastFault: unknown;
    const probe = () =>
      ready().then(
        () => 'ready' as const,
        (fault: unknown) => {
          lastFault = fault;
          return 'not yet' as const;
        },
      );
    while (run.exit === undefined && !limit.aborted) {
      if ((await Promise.race([probe(), ended, overdue])) === 'ready') return;
      await Promise.race([delay(PROBE_INTERVAL_MS), ended]);
    }
    if (signal?.aborted) throw new StackError(`${name}: the start was cancelled`);
    const fault =
      run.exit === undefined
        ? `does not serve after ${readyTimeoutMs / 1000} s (${String(lastFault)})`
        : `ended with ${run.exit.signal ?? run.exit.code}`;
    const { logFile } = this.#options;
    throw new StackError(
      [`${name} ${fault}, last lines of ${logFile}:`, ...lastLogLines(logFile)].join('\n  '),
      { cause: lastFault },
    );
  }

  #onExit(run: Run): void {
    // A death during a start is reported by the start itself.
    if (!this.#wanted || this.#attempt !== undefined) return;
    this.#options.onDeath?.(this.name, lastLogLines(this.#options.logFile));
    if (!this.#options.restart) {
      this.#wanted = false;
      return;
    }
    if (Date.now() - run.startedAtMs > HEALTHY_AFTER_MS) this.#backOffMs = FIRST_BACK_OFF_MS;
    void this.#restart();
  }

  async #restart(): Promise<void> {
    for (;;) {
      await delay(this.#backOffMs);
      this.#backOffMs = Math.min(this.#backOffMs * 2, MAX_BACK_OFF_MS);
      // Stopped meanwhile, or started by another call.
      if (!this.#wanted || this.pid !== undefined) return;
      try {
        await this.#tryToStart();
        this.#options.onReturn?.(this.name);
        return;
      } catch (error) {
        if (!this.#wanted) return;
        this.#options.onDeath?.(this.name, String(error).split('\n'));
      }
    }
  }
}

/**
 * Starts a process under supervision and resolves when it serves.
 * @throws StackError with the last lines of the log when it dies or does not serve in time
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const supervised = new SupervisedProcess(options);
  await supervised.start();
  return supervised;
}
