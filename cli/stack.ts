// npm run stack -- up | status | reset
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { secondsSince } from '../stack/install/installer.ts';
import { awaitLeftovers } from '../stack/process/orphans.ts';
import { aborted, stopSignal } from '../stack/process/stop-signals.ts';
import { isStackRunning, type PartName, partNames, startStack } from '../stack/stack.ts';
import { StackError } from '../stack/stack-error.ts';
import { readState } from '../stack/stack-state.ts';

const DEFAULT_FOLDER = '.firstcome/run';
const USAGE = `usage: npm run stack -- <command> [--folder ${DEFAULT_FOLDER}]
  up [--parts ${partNames.join(',')}]   starts the parts and stays until Ctrl-C
  status                            tells whether they run, and their addresses
  reset                             removes the folder with all its data`;

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
});

async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArguments(args);
  const folder = resolve(values.folder);
  switch (positionals[0]) {
    case 'up':
      return up(folder, parseParts(values.parts));
    case 'status':
      return status(folder);
    case 'reset':
      return reset(folder);
    default:
      throw new StackError(USAGE);
  }
}

function parseArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        folder: { type: 'string', default: DEFAULT_FOLDER },
        parts: { type: 'string', default: 'kafka,registry,redis,mysql' },
      },
    });
  } catch (error) {
    throw new StackError(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}

function parseParts(text: string): PartName[] {
  return text.split(',').map((name) => {
    const part = partNames.find((known) => known === name.trim());
    if (part === undefined) throw new StackError(`no part ${name}: ${partNames.join(', ')}`);
    return part;
  });
}

async function up(folder: string, parts: PartName[]): Promise<void> {
  const signal = stopSignal();
  const startMs = performance.now();
  const stack = await startStack({
    folder,
    parts,
    restart: true,
    report: (line) => console.log(line),
    onDeath: (part, lines) => console.error([`${part} died:`, ...lines].join('\n  ')),
    signal,
  });
  console.log(`all parts serve … ${secondsSince(startMs)} s; addresses: ${join(folder, 'env')}`);
  await aborted(signal);
  console.log('stopping');
  await stack.stop();
}

async function status(folder: string): Promise<void> {
  const isRunning = await isStackRunning(folder);
  console.log(`${folder}: ${isRunning ? 'running' : 'not running'}`);
  if (!isRunning) return;
  for (const [key, value] of Object.entries(readState(folder).addresses)) {
    console.log(`  ${key}=${value.replace(/:[^:@/]+@/, ':***@')}`);
  }
}

async function reset(folder: string): Promise<void> {
  if (!existsSync(folder)) {
    console.log(`nothing to remove: there is no ${folder}`);
    return;
  }
  if (!existsSync(join(folder, 'stack.json'))) {
    throw new StackError(`${folder} is not the folder of a stack: it has no stack.json`);
  }
  if (await isStackRunning(folder)) {
    throw new StackError(`a stack runs in ${folder}: stop it first`);
  }
  await awaitLeftovers(folder);
  await rm(folder, { recursive: true, force: true });
  console.log(`removed ${folder}`);
}
