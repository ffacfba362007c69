// @ts-check
// node stack/bootstrap.mjs <script.ts> [args...]
// Runs a script of this project on a machine that has only some Node (18 or newer) with npm: installs the
// packages that are missing or others than their package-lock.json names, then runs the script with a
// Node 24 or newer, the machine's own or the one of tooling/node. Ends with the script's code.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MIN_NODE = 24;
const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
/** Biome, knip and the TypeScript compiler. */
const CHECKS = 'tooling/checks';
const NEED_CHECKS = ['test/check.ts', 'test/run.ts'];
const TOOLING_NODE = 'tooling/node';
const INSTALL_FLAG = '--install-packages';
// Whatever npm is set to on this machine: all that is locked, and no scripts, for none are needed. The
// packages ask for Node 24, which may be one of them, so that a warning for each would say nothing.
const NPM_CI = 'ci --include=dev --include=optional --ignore-scripts --no-engine-strict'.split(' ');
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

/** @param {string} folder of a package.json, from the root */
function binOf(folder) {
  return join(root, folder, 'node_modules', '.bin');
}

/** @typedef {{ version?: string, optional?: boolean }} LockEntry */

/** @param {string[]} path @returns {Record<string, LockEntry>} */
function lockedPackages(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8')).packages;
}

/**
 * True when a folder has what its package-lock.json names: npm keeps a lock file of what it installed.
 * @param {string} folder
 */
function isInstalled(folder) {
  if (!existsSync(join(root, folder, 'node_modules', '.package-lock.json'))) return false;
  const installed = lockedPackages(folder, 'node_modules', '.package-lock.json');
  const wanted = Object.entries(lockedPackages(folder, 'package-lock.json'));
  return wanted.every(([path, { version, optional }]) => {
    const found = installed[path];
    return path === '' || (found === undefined ? optional === true : found.version === version);
  });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder where to run it, from the root
 * @returns {Promise<number>} the exit code; 127 when the command is missing
 */
function run(command, args, folder = '.') {
  return new Promise((resolve) => {
    // What they print is progress: standard output is the script's alone, and may be piped.
    const child = spawn(command, args, {
      cwd: join(root, folder),
      stdio: ['inherit', 2, 'inherit'],
    });
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** @param {string} folder @returns {Promise<boolean>} true when it is installed */
async function installPackages(folder) {
  const title = folder === '.' ? 'npm packages' : `npm packages of ${folder}`;
  const startMs = Date.now();
  console.error(`${title}: installing, this time only`);
  const code = await run('npm', [...NPM_CI, ...QUIET], folder);
  if (code === 0 && isInstalled(folder)) {
    console.error(`${title} … ${((Date.now() - startMs) / 1000).toFixed(1)} s`);
    return true;
  }
  console.error(
    code === 127
      ? 'npm is missing: apt-get install npm'
      : `${title}: npm ci ended with ${code} and did not install what package-lock.json names: see its lines above, check the network and npm's registry setting, and run this again`,
  );
  return false;
}

/**
 * Runs while the lock is held: another process may have installed some of them meanwhile.
 * @param {string[]} folders
 */
async function installMissing(folders) {
  const results = await Promise.all(
    folders.filter((folder) => !isInstalled(folder)).map(installPackages),
  );
  return results.every(Boolean) ? 0 : 1;
}

/** @param {string[]} folders @returns {Promise<number>} 0 when all of them are installed */
async function ensurePackages(folders) {
  if (folders.every(isInstalled)) return 0;
  mkdirSync(join(root, '.firstcome'), { recursive: true });
  // flock (util-linux) gives the lock back however its holder ends.
  const lock = join(root, '.firstcome', 'npm.lock');
  const code = await run('flock', [lock, process.execPath, self, INSTALL_FLAG, ...folders]);
  return code === 127 ? installMissing(folders) : code;
}

/** @param {string} node */
function isNewEnough(node) {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1]) >= MIN_NODE;
}

/** The Node that runs this, or another one of PATH, when it is new enough. */
function findNode() {
  const inPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return [...new Set([process.execPath, ...inPath])].find(
    // One below this folder is a package, which may be removed before it runs anything.
    (node) => !node.startsWith(join(root, '/')) && existsSync(node) && isNewEnough(node),
  );
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

/**
 * The script finds the programs of the packages, and this Node, by PATH.
 * @param {string} node
 * @param {string} script
 * @param {string[]} args
 */
function runScript(node, script, args) {
  const own = [binOf('.'), binOf(CHECKS), dirname(node)];
  const path = [...own, process.env.PATH ?? ''].join(delimiter);
  const child = spawn(node, [script, ...args], {
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
    console.error(`${node} cannot be run: ${error.message}`);
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
 * npm killed with -9 sends no signal, but then its child gets another parent.
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
if (script === INSTALL_FLAG) process.exit(await installMissing(args));
if (script === undefined) {
  console.error('usage: node stack/bootstrap.mjs <script.ts> [args...]');
  process.exit(2);
}
const machinesNode = findNode();
const code = await ensurePackages([
  '.',
  ...(NEED_CHECKS.includes(script) ? [CHECKS] : []),
  ...(machinesNode === undefined ? [TOOLING_NODE] : []),
]);
if (code !== 0) process.exit(code);
const node = machinesNode ?? join(binOf(TOOLING_NODE), 'node');
if (machinesNode === undefined && !isNewEnough(node)) {
  console.error(`${node} does not run on this machine: install Node ${MIN_NODE} or newer`);
  process.exit(1);
}
runScript(node, script, args);
