// Programs out of Debian packages, for this project alone: apt with lists and a status of its own
// (the machine's are neither read nor changed, nothing is configured, no service is started), unpacked
// with all libraries, and run through the C library's loader that came with them.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import { StackError } from '../stack-error.ts';
import { cachedFolder, installOnce, isCached } from './cache.ts';

/** Only maintainer scripts need these, and they are never run. */
const UNUSED_PACKAGES = /^(perl|libperl|usrmerge|debconf|adduser|passwd|dpkg|tar)[-_0-9.]/;

/**
 * Which of the machine's apt sources serve a Debian suite, as one-line sources for another suite.
 * @param files the texts of sources.list and of the files in sources.list.d, one-line or deb822
 * @param ownSuite the suite the machine runs, e.g. bookworm; only entries that name it are taken
 */
export function sourcesForSuite(
  files: readonly string[],
  ownSuite: string,
  suite: string,
): string[] {
  const lines = files.flatMap((text) => [
    ...oneLineSources(text, ownSuite, suite),
    ...deb822Sources(text, ownSuite, suite),
  ]);
  return [...new Set(lines)];
}

function oneLineSources(text: string, ownSuite: string, suite: string): string[] {
  return [...text.matchAll(/^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/gm)].flatMap(
    ([, options = '', uri, ofSuite]) =>
      ofSuite === ownSuite ? [`deb ${options.trim()} ${uri} ${suite} main`.replace('  ', ' ')] : [],
  );
}

function deb822Sources(text: string, ownSuite: string, suite: string): string[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, 'mi').exec(stanza)?.[1]?.trim();
    const suites = field('Suites')?.split(/\s+/) ?? [];
    const isUsed =
      field('Types')?.split(/\s+/).includes('deb') === true &&
      field('Enabled')?.toLowerCase() !== 'no';
    if (!isUsed || !suites.includes(ownSuite)) return [];
    const key = field('Signed-By');
    const options = key?.startsWith('/') ? `[signed-by=${key}] ` : '';
    return (field('URIs')?.split(/\s+/) ?? []).map((uri) => `deb ${options}${uri} ${suite} main`);
  });
}

/** A Debian package, and the program wanted of it. */
export type DebianProgram = {
  packageName: string;
  /** Where the program is, from the root of the file system. */
  path: string;
  /** The Debian suite to take it from; without one, the machine's own. */
  suite?: string;
  /** What makes it print its version; `--version` when not said. */
  versionArgument?: string;
};

/** How to run an unpacked program: the command, and the arguments that must come first. */
export type UnpackedProgram = { command: string; args: string[]; root: string };

/** True when the program is unpacked already. */
export async function isUnpacked(program: DebianProgram): Promise<boolean> {
  return isCached(cacheName(program, await readOwnSuite()));
}

/**
 * Downloads a package with all it depends on, unpacks it into the cache and sees that it runs; once.
 * @throws StackError when apt or the package is not to be had, or the program does not run here
 */
export async function unpackProgram(program: DebianProgram, signal?: AbortSignal): Promise<void> {
  const ownSuite = await readOwnSuite();
  await installOnce(cacheName(program, ownSuite), async (folder) => {
    const apt = join(folder, '.apt');
    const archives = join(apt, 'cache', 'archives');
    await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
    await mkdir(join(archives, 'partial'), { recursive: true });
    await writeFile(join(apt, 'status'), '');
    const sources = sourcesForSuite(await readAptSources(), ownSuite, program.suite ?? ownSuite);
    await writeFile(join(apt, 'sources.list'), `${sources.join('\n')}\n`);
    await aptGet(apt, ['--error-on=any', 'update'], signal);
    await aptGet(apt, ['--yes', '--download-only', 'install', program.packageName], signal);
    const files = (await readdir(archives)).filter(
      (file) => file.endsWith('.deb') && !UNUSED_PACKAGES.test(file),
    );
    for (const file of files) {
      await runCommand('dpkg-deb', ['-x', join(archives, file), folder], { signal });
    }
    await rm(apt, { recursive: true });
    await rm(join(folder, 'usr', 'share', 'doc'), { recursive: true, force: true });
    const { command, args } = await programBelow(folder, program.path);
    await runCommand(command, [...args, program.versionArgument ?? '--version'], { signal });
  });
}

/**
 * How to run an unpacked program with the libraries that came with it.
 * @throws StackError when it is not unpacked
 */
export async function unpackedProgram(program: DebianProgram): Promise<UnpackedProgram> {
  return programBelow(cachedFolder(cacheName(program, await readOwnSuite())), program.path);
}

function cacheName({ packageName, suite }: DebianProgram, ownSuite: string): string {
  return `${packageName}-${suite ?? ownSuite}`;
}

async function programBelow(root: string, path: string): Promise<UnpackedProgram> {
  const program = join(root, path);
  if (!existsSync(program)) throw new StackError(`${program} is missing`);
  const libraries: string[] = [];
  let loader: string | undefined;
  for (const folder of ['usr/lib', 'lib'].map((part) => join(root, part))) {
    const multiarch = existsSync(folder) ? await readdir(folder) : [];
    for (const name of multiarch.filter((entry) => entry.endsWith('-linux-gnu'))) {
      const library = join(folder, name);
      libraries.push(library);
      const found = (await readdir(library)).find((file) => /^ld-linux.*\.so\.\d$/.test(file));
      if (found !== undefined) loader ??= join(library, found);
    }
  }
  if (loader === undefined) throw new StackError(`the loader of libc6 is missing below ${root}`);
  return { command: loader, args: ['--library-path', libraries.join(':'), program], root };
}

async function aptGet(apt: string, args: string[], signal?: AbortSignal): Promise<void> {
  try {
    await runCommand('apt-get', [...aptOptions(apt), ...args], { signal });
  } catch (error) {
    const { message } = error as Error;
    const reason = /^ *E: (.+)$/m.exec(message)?.[1] ?? message.trim();
    throw new StackError(`${reason} (apt-get must reach a Debian mirror)`, { cause: error });
  }
}

function aptOptions(apt: string): string[] {
  return [
    `Dir::Etc::SourceList=${join(apt, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State=${apt}`,
    `Dir::State::Lists=${join(apt, 'lists')}`,
    `Dir::State::status=${join(apt, 'status')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'APT::Sandbox::User=',
    'APT::Install-Recommends=false',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    // Hooks of the machine's own apt are about the machine's own packages.
    'APT::Update::Post-Invoke-Success=',
  ].flatMap((option) => ['-o', option]);
}

async function readOwnSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const suite = /^VERSION_CODENAME=(.+)$/m.exec(release)?.[1];
  if (suite === undefined) {
    throw new StackError(
      'Redis, MySQL and MariaDB are taken from Debian packages: a Debian with apt is needed',
    );
  }
  return suite;
}

async function readAptSources(): Promise<string[]> {
  const folder = '/etc/apt/sources.list.d';
  const parts = existsSync(folder) ? await readdir(folder) : [];
  const files = [
    '/etc/apt/sources.list',
    ...parts.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(folder, name)),
  ];
  return Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
}
