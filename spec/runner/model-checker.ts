// Spin, on the models in spec/: makes a verifier of a model, runs it, and reads what it says.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelRun } from './model-runs.ts';
import { ensureSpin } from './spin.ts';

/** What a run came to. `incomplete`: the search ended before every state was looked at. */
export type ModelVerdict = { states: number; seconds: number } & (
  | { kind: 'safe' }
  | { kind: 'violated'; promise: string; counterexample: string }
  | { kind: 'incomplete'; reason: string }
);

export type Checker = {
  /** Runs a model. One at a time: a run takes a core, and up to the memory limit. */
  check(run: ModelRun): Promise<ModelVerdict>;
  /** Removes what was built. */
  close(): Promise<void>;
};

export type CheckerOptions = {
  /**
   * Breadth first keeps every state whole, and its counterexamples are the shortest: for small runs,
   * and for broken variants. Depth first keeps 96 bits of each: for the large ones.
   */
  large: boolean;
  /** Of one run. */
  memoryMb: number;
  timeoutMs: number;
  /** Ends what is running: `check` then rejects. */
  signal: AbortSignal;
};

const SPEC = fileURLToPath(new URL('../', import.meta.url));
const ADDITIONAL_NICENESS = '10';

/**
 * With a table of up to 2^32 slots Spin 6.5 hashes states to 32 bits only, and then hash-compact
 * (HC) drops states that are there: about one in a hundred of a million. This line of the verifier
 * chooses the hash; without it the one of 64 bits is taken.
 */
const SHORT_HASH = 'if (ssize <= 32)';

const BUILD_MS = 300_000;

/** Large runs are searched depth first; they never come near this depth. */
const MAX_DEPTH = 100_000;

/**
 * A checker with a folder of its own for what it builds.
 * @throws Error that says in one line what is missing to run Spin
 */
export async function createChecker(options: CheckerOptions): Promise<Checker> {
  const { signal } = options;
  const spin = await ensureSpin(signal);
  const folder = await mkdtemp(join(tmpdir(), 'firstcome-model-'));
  const verifiers = new Map<string, Promise<string>>();

  const verifierOf = (run: ModelRun, depthFirst: boolean): Promise<string> => {
    const sizes = Object.entries(run.sizes).map(([name, value]) => `-D${name}=${value}`);
    const key = [run.model, depthFirst ? 'depth' : 'breadth', ...sizes].join('');
    const built = verifiers.get(key) ?? build(join(folder, key), run.model, sizes, depthFirst);
    verifiers.set(key, built);
    return built;
  };
  const build = async (
    place: string,
    model: string,
    sizes: string[],
    depthFirst: boolean,
  ): Promise<string> => {
    await mkdir(place);
    const source = join(SPEC, `${model}.pml`);
    await carryOut(spin.command, [...spin.args, '-a', ...sizes, source], place, signal);
    if (depthFirst) await takeLongHash(join(place, 'pan.c'));
    // To optimize takes longer than the small runs do.
    const search = depthFirst ? ['-O2', '-DHC4'] : ['-O0', '-DBFS'];
    const flags = ['-w', '-DSAFETY', '-DNOREDUCE', '-DNOFAIR', `-DMEMLIM=${options.memoryMb}`];
    await carryOut('gcc', [...search, ...flags, '-o', 'pan', 'pan.c'], place, signal);
    return place;
  };

  return {
    check: async (run) => {
      const depthFirst = options.large && run.violates === null;
      const place = await verifierOf(run, depthFirst);
      const settings = Object.entries(run.settings).map(([name, value]) => [name, `${value}`]);
      const environment = Object.fromEntries(settings);
      const slots = options.large ? '-w24' : '-w20';
      const args = [slots, ...(depthFirst ? [`-m${MAX_DEPTH}`] : [])];
      const startedMs = performance.now();
      const said = await listen('./pan', args, place, environment, options);
      const seconds = (performance.now() - startedMs) / 1_000;
      const states = Number(/^\s*(\d+) states, stored/m.exec(said.text)?.[1] ?? 0);
      const errors = /errors: (\d+)/.exec(said.text)?.[1];
      const trouble = /out of memory|MEMLIM bound|max search depth too small|Search not completed/;
      if (errors !== undefined && errors !== '0') {
        const replayed = await replay(place, run.model, environment, options);
        return { kind: 'violated', states, seconds, ...replayed };
      }
      const reason = said.timedOut ? 'out of time' : trouble.exec(said.text)?.[0];
      if (errors === undefined || reason !== undefined) {
        const lastLines = said.text.trimEnd().split('\n').slice(-3).join(' / ');
        return { kind: 'incomplete', states, seconds, reason: reason ?? lastLines };
      }
      return { kind: 'safe', states, seconds };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The counterexample that a run left, in words; the trail is removed. */
async function replay(
  place: string,
  model: string,
  environment: Record<string, string>,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<{ promise: string; counterexample: string }> {
  const args = ['-r', `${model}.pml.trail`];
  const { text } = await listen('./pan', args, place, environment, limits);
  const trails = (await readdir(place)).filter((file) => file.endsWith('.trail'));
  await Promise.all(trails.map((file) => rm(join(place, file))));
  const steps = text
    .split('\n')
    .filter((line) => line !== '' && !/^\s*\d+:\s+proc |^spin: |^pan:/.test(line));
  const end = steps.findIndex((line) => line.startsWith('VIOLATED: '));
  const promise = steps[end]?.slice('VIOLATED: '.length) ?? 'an assertion';
  return { promise, counterexample: `${steps.slice(0, end + 1).join('\n')}\n` };
}

async function takeLongHash(verifier: string): Promise<void> {
  const source = await readFile(verifier, 'utf8');
  if (source.split(SHORT_HASH).length !== 2) {
    throw new Error(`this version of Spin chooses its hash otherwise: no "${SHORT_HASH}" in pan.c`);
  }
  await writeFile(verifier, source.replace(SHORT_HASH, 'if (0)'));
}

async function carryOut(
  command: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  const { text, code } = await listen(command, args, cwd, {}, { timeoutMs: BUILD_MS, signal });
  if (code !== 0) throw new Error(`${command}: ${text.split('\n').slice(0, 10).join('\n')}`);
}

/** Runs a program out of the way of others. It sees PATH and `environment`, and nothing else. */
function listen(
  command: string,
  args: readonly string[],
  cwd: string,
  environment: Record<string, string>,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<{ text: string; code: number | null; timedOut: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn('nice', ['-n', ADDITIONAL_NICENESS, command, ...args], {
      cwd,
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: limits.signal,
      killSignal: 'SIGKILL',
    });
    let text = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, limits.timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ text, code, timedOut });
    });
  });
}
