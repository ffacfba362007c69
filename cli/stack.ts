// firstcome stack: Kafka, registry, Redis and databases as processes of this machine.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { awaitOrphans } from '../stack/process/orphans.ts';
import { aborted, stopSignal } from '../stack/process/stop-signals.ts';
import { isStackRunning, type PartName, partNames, startStack } from '../stack/stack.ts';
import { StackError } from '../stack/stack-error.ts';
import { readState } from '../stack/stack-state.ts';
import { EXIT_CODE, type ExitCode, endingWith } from './shared/exit-code.ts';
import { createOutput, withJsonOption } from './shared/output.ts';
import { RUN_FOLDER } from './shared/run-env.ts';
import { secondsSinceMs } from './shared/seconds.ts';

const DEFAULT_PARTS: PartName[] = ['kafka', 'registry', 'redis', 'mysql'];

export function defineStack(command: Command): void {
  command.description('The servers as processes of this machine, without the services.');
  withFolder(command.command('up'))
    .description('start the parts, and stay until Ctrl-C')
    .option(
      '--parts <names>',
      `joined by commas, of ${partNames.join(', ')}`,
      toParts,
      DEFAULT_PARTS,
    )
    .action(endingWith(up));
  withJsonOption(withFolder(command.command('status')))
    .description('whether they run, and their addresses')
    .action(endingWith(status));
  withFolder(command.command('reset'))
    .description('remove the folder with all its data')
    .action(endingWith(reset));
}

function withFolder(command: Command): Command {
  return command.option('--folder <path>', 'where data, logs and addresses are', RUN_FOLDER);
}

function toParts(text: string): PartName[] {
  return text.split(',').map((name) => {
    const part = partNames.find((known) => known === name.trim());
    if (part !== undefined) return part;
    throw new InvalidArgumentError(`There is no part ${name}, only ${partNames.join(', ')}.`);
  });
}

async function up(options: { folder: string; parts: PartName[] }): Promise<ExitCode> {
  const folder = resolve(options.folder);
  const signal = stopSignal();
  const startedMs = performance.now();
  const stack = await startStack({
    folder,
    parts: options.parts,
    restart: true,
    report: (line) => console.log(line),
    onDeath: (part, lines) => console.error([`${part} died:`, ...lines].join('\n  ')),
    signal,
  });
  const addresses = join(folder, 'env');
  console.log(`all parts serve … ${secondsSinceMs(startedMs)} s; addresses: ${addresses}`);
  await aborted(signal);
  console.log('stopping');
  await stack.stop();
  return EXIT_CODE.done;
}

async function status(options: { folder: string; json?: boolean }): Promise<ExitCode> {
  const folder = resolve(options.folder);
  const isRunning = await isStackRunning(folder);
  const addresses = isRunning ? withoutPasswords(readState(folder).addresses) : {};
  createOutput(options).result(
    { folder, isRunning, addresses },
    [
      `${folder}: ${isRunning ? 'running' : 'not running'}`,
      ...Object.entries(addresses).map(([key, value]) => `  ${key}=${value}`),
    ].join('\n'),
  );
  return EXIT_CODE.done;
}

function withoutPasswords(addresses: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(addresses);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, value.replace(/:[^:@/]+@/, ':***@')]),
  );
}

async function reset(options: { folder: string }): Promise<ExitCode> {
  const folder = resolve(options.folder);
  if (!existsSync(folder)) {
    console.log(`nothing to remove: there is no ${folder}`);
    return EXIT_CODE.done;
  }
  if (!existsSync(join(folder, 'stack.json'))) {
    throw new StackError(`${folder} is not the folder of a stack: it has no stack.json`);
  }
  if (await isStackRunning(folder)) {
    throw new StackError(`a stack runs in ${folder}: stop it first`);
  }
  await awaitOrphans(folder);
  await rm(folder, { recursive: true, force: true });
  console.log(`removed ${folder}`);
  return EXIT_CODE.done;
}
