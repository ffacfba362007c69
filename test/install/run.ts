// npm run test:install [-- --env FILE]: installs as somebody does who has never had this folder. `npm ci`
// where only the two package files are, then as the image does it (compose/Dockerfile), and starts the
// services from what the image copies. --env: with servers of this file, the query API is to serve.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startService } from '../support/system/service-process.ts';
import { variablesIn } from '../support/variables-in.ts';

const SERVICES = ['command-api', 'projector', 'query-api'] as const;

const { values } = parseArgs({ options: { env: { type: 'string' } } });
const failed: string[] = [];
await inEmptyFolder((folder) => {
  check('npm ci', npmCi(folder));
});
await inEmptyFolder(async (folder) => {
  check('npm ci as in the image', npmCi(folder, '--omit=dev', '--ignore-scripts'));
  for (const name of copiedFolders()) cpSync(name, join(folder, name), { recursive: true });
  for (const service of SERVICES)
    check(`${service} says what it misses`, missesSettings(folder, service));
  if (values.env !== undefined) check('query-api serves', await serves(folder, values.env));
});
console.log(failed.length === 0 ? 'all ok' : `FAILED: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Gives a folder that holds the two package files and nothing else. */
async function inEmptyFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-install-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(file, join(folder, file));
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param fault what is wrong; undefined when nothing is */
function check(name: string, fault: string | undefined): void {
  console.log(fault === undefined ? `ok     ${name}` : `FAILED ${name}: ${fault}`);
  if (fault !== undefined) failed.push(name);
}

function npmCi(folder: string, ...options: string[]): string | undefined {
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', ...options], {
    cwd: folder,
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stderr;
}

/** What the image copies beside the package files. */
function copiedFolders(): string[] {
  const copies = readFileSync('compose/Dockerfile', 'utf8').matchAll(/^COPY (\S+) \1$/gm);
  return [...copies].map(([, name = '']) => name);
}

/** Without settings a service ends with 1 and names those that are missing. */
function missesSettings(folder: string, service: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${service}/main.ts`], {
    cwd: folder,
    encoding: 'utf8',
    env: {},
  });
  const output = `${stdout}${stderr}`;
  return status === 1 && output.includes('HTTP_PORT is missing')
    ? undefined
    : `${status} ${output}`;
}

async function serves(folder: string, envFile: string): Promise<string | undefined> {
  const service = await startService('query-api', variablesIn(envFile), folder);
  const { status } = await fetch(`${service.url}/health/live`);
  const code = await service.end('SIGTERM');
  return status === 200 && code === 0 ? undefined : `/health/live ${status}, exit code ${code}`;
}
