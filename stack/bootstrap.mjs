// @ts-check
// node stack/bootstrap.mjs <script.ts> [args...]
// Runs a script of this project on a machine that has only some Node (18 or newer) with npm: fetches the
// packages when they are missing or others than package-lock.json names, then runs the script with the
// Node that is one of these packages. Ends with the script's code.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const nodeModules = join(root, 'node_modules');
const node24 = join(nodeModules, 'node', 'bin', 'node');
// The packages ask for Node 24, which is one of them: a warning for each would say nothing.
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];
const INSTALL_FLAG = '--install-packages';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockEntry */

/** @param {string} file @returns {Record<string, LockEntry>} */
function lockedPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** True when node_modules holds what package-lock.json names: npm keeps what it installed in a lock file there. */
function isInstalled() {
  const installedLock = join(nodeModules, '.package-lock.json');
  if (!existsSync(installedLock) || !existsSync(node24)) return false;
  const installed = lockedPackages(installedLock);
  return Object.entries(lockedPackages(join(root, 'package-lock.json'))).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<number>} the exit code; 127 when the command is missing
 */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Runs in the lock: another process may have installed meanwhile. */
async function installPackages() {
  if (isInstalled()) return 0;
  const start = Date.now();
  console.log('npm packages: fetching, this time only');
  // Not `npm ci`: it refuses a lock file without the builds for other systems of optional packages, which
  // npm leaves out where a registry lacks them. isInstalled() then asks for the same exactness.
  const code = await run('npm', ['install', '--no-save', ...QUIET]);
  if (code === 0 && isInstalled()) {
    console.log(`npm packages … ${((Date.now() - start) / 1000).toFixed(1)} s`);
    return 0;
  }
  console.error(
    code === 127
      ? 'npm is missing: apt-get install npm'
      : `npm did not install what package-lock.json names (code ${code}): see its lines above, check the network and npm's registry setting, and run this again`,
  );
  return 1;
}

async function ensurePackages() {
  if (isInstalled()) return 0;
  mkdirSync(join(root, '.firstcome'), { recursive: true });
  // flock (util-linux) gives the lock back however its holder ends.
  const lock = join(root, '.firstcome', 'npm.lock');
  const code = await run('flock', [lock, process.execPath, self, INSTALL_FLAG]);
  return code === 127 ? installPackages() : code;
}

/** True when a terminal sends its signals to our group, thus to the script as well. */
function isInForeground() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY === true;
  }
}

/** @param {string} script @param {string[]} args */
function runScript(script, args) {
  const path = [join(nodeModules, '.bin'), process.env.PATH ?? ''].join(delimiter);
  // kafkajs 2.2.4 sets timers to times that have passed; Node warns, and nothing else happens.
  const flags = ['--disable-warning=TimeoutNegativeWarning'];
  const child = spawn(node24, [...flags, script, ...args], {
    cwd: process.cwd(),
    env: { ...process.env, PATH: path },
    // The channel tells the script when this process is gone, even by kill -9.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  /** @type {Set<string>} */
  const forwarded = new Set();
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      const arrivesAnyway = signal !== 'SIGTERM' && isInForeground();
      if (arrivesAnyway || forwarded.has(signal)) return;
      forwarded.add(signal);
      child.kill(signal);
    });
  }
  if (process.env.npm_lifecycle_event !== undefined) endWithNpm(child);
  child.once('error', (error) => {
    console.error(`${node24} cannot be run: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}

/** @param {number} pid @returns {{ name: string, parent: number }} */
function readProcess(pid) {
  try {
    const [, name = '', , parent] =
      /\((.*)\) (\S) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { name, parent: Number(parent) };
  } catch {
    return { name: '', parent: 0 };
  }
}

/** The pids from our parent up to npm, which runs a script through a shell. */
function pidsUpToNpm() {
  const pids = [process.ppid];
  for (let pid = process.ppid; pids.length < 3; ) {
    const { name, parent } = readProcess(pid);
    if (!/^(sh|dash|bash)$/.test(name)) break;
    pids.push(parent);
    pid = parent;
  }
  return pids.join();
}

/**
 * npm killed with -9 tells nobody, but then its child gets another parent.
 * @param {import('node:child_process').ChildProcess} child
 */
function endWithNpm(child) {
  const npm = pidsUpToNpm();
  const timer = setInterval(() => {
    if (pidsUpToNpm() === npm) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, 1_000);
  timer.unref();
}

const [script, ...args] = process.argv.slice(2);
if (script === INSTALL_FLAG) process.exit(await installPackages());
if (script === undefined) {
  console.error('usage: node stack/bootstrap.mjs <script.ts> [args...]');
  process.exit(2);
}
const code = await ensurePackages();
if (code !== 0) process.exit(code);
runScript(script, args);
