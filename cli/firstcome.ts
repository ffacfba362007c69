#!/usr/bin/env node
// firstcome: one command for everything that an operator does; a subcommand each in a file beside this.
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { AppError, messageOf } from '../platform/errors.ts';
import { ADDRESSES_HELP } from './shared/addresses.ts';
import { EXIT_CODE } from './shared/exit-code.ts';
import { SUBCOMMANDS, type Subcommand } from './subcommands.ts';

const ROOT = new URL('../', import.meta.url);

const HELP = `
Exit codes: 0 done, 1 failed or something is wrong, 2 wrong usage.
${ADDRESSES_HELP}
With LOG_LEVEL=debug an error is shown with its stack.`;

await main(process.argv.slice(2));

/** Runs what the arguments ask for; the exit code is set, and every failure is reported on stderr. */
async function main(argv: string[]): Promise<void> {
  const subcommand = SUBCOMMANDS.find(({ name }) => name === subcommandIn(argv));
  try {
    await (await createProgram(subcommand)).parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = EXIT_CODE.failed;
    if (error instanceof CommanderError) {
      // It has said what is wrong; help and version end by an error, too, which is none.
      process.exitCode = error.exitCode === 0 ? EXIT_CODE.done : EXIT_CODE.usage;
    } else {
      console.error(`${subcommand?.name ?? 'firstcome'} failed: ${describeError(error)}`);
    }
  }
}

/** The first word that is no option: of `help verify`, the second. */
function subcommandIn(argv: readonly string[]): string | undefined {
  const [first, second] = argv.filter((argument) => !argument.startsWith('-'));
  return first === 'help' ? second : first;
}

/** All subcommands by name and summary; the options and the action of the one that is called for. */
async function createProgram(called: Subcommand | undefined): Promise<Command> {
  const { version, description } = JSON.parse(
    readFileSync(new URL('package.json', ROOT), 'utf8'),
  ) as { version: string; description: string };
  const program = new Command('firstcome')
    .description(description)
    .version(version)
    .exitOverride()
    .showHelpAfterError()
    .addHelpText('afterAll', HELP);
  for (const subcommand of SUBCOMMANDS) {
    const command = program.command(subcommand.name).summary(subcommand.summary);
    if (subcommand !== called) continue;
    requireFolders(subcommand);
    (await subcommand.load())(command);
  }
  return program;
}

/** @throws Error naming the folders that this installation lacks */
function requireFolders({ name, needs = [] }: Subcommand): void {
  const missing = needs.filter((folder) => !existsSync(new URL(`${folder}/`, ROOT)));
  if (missing.length === 0) return;
  throw new Error(
    `${name} is not part of this installation: it lacks ${missing.map((folder) => `${folder}/`).join(' and ')}; ` +
      'run it from a clone of the repository',
  );
}

function describeError(error: unknown): string {
  if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) return `${error.stack}`;
  const isSetting = error instanceof AppError && error.code === 'SETTINGS_INVALID';
  return `${messageOf(error)}${isSetting ? '; is npm start running?' : ''}`;
}
