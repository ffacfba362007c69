// Programs out of Debian packages, for this project alone: apt with lists and a status of its own
// (the machine's are neither read nor changed, nothing is configured, no service is started), unpacked
// with all libraries, and run through the C library's loader that came with them.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import { StackError } from '../stack-error.ts';
import { parseRelease, type Release, sourcesForSuite, type WantedSuite } from './apt-sources.ts';
import { cachedFolder, installOnce, isCached } from './cache.ts';

/** Only maintainer scripts need these, and they are never run. */
const UNUSED_PACKAGES = /^(perl|libperl|usrmerge|debconf|adduser|passwd|dpkg|tar)[-_0-9.]/;

/** A Debian package, and the program wanted of it. */
export type DebianProgram = {
  packageName: string;
  /** Other releases call the package so. */
  otherNames?: readonly string[];
  /** Where the program is, from the root of the file system. */
  path: string;
  /** The suite to take it from where the machine is a Debian; without one, the machine's own. */
  debianSuite?: string;
  /** What makes it print its version; `--version` when not said. */
  versionArgument?: string;
  /** Whether what it prints names a version that fits; without it, any does. */
  fits?: (versionText: string) => boolean;
};

/** How to run an unpacked program: the command, and the arguments that must come first. */
export type UnpackedProgram = { command: string; args: string[]; root: string };

/** True when the program is unpacked already. */
export async function isUnpacked(program: DebianProgram): Promise<boolean> {
  const release = await readRelease();
  return release !== undefined && isCached(cacheName(program, release));
}

/**
 * Downloads a package with all it depends on, unpacks it into the cache and sees that it runs; once.
 * @throws StackError when apt fails or lacks the package, or when the program does not run here
 */
export async function unpackProgram(program: DebianProgram, signal?: AbortSignal): Promise<void> {
  const release = await requireRelease();
  await installOnce(cacheName(program, release), async (folder) => {
    const apt = join(folder, '.apt');
    await prepareApt(apt, release, wantedSuite(program, release));
    await aptGet(apt, ['--error-on=any', 'update'], signal);
    const name = await packageNameOf(program, apt, signal);
    await aptGet(apt, ['--yes', '--download-only', 'install', name], signal);
    const archives = join(apt, 'cache', 'archives');
    const files = (await readdir(archives)).filter(
      (file) => file.endsWith('.deb') && !UNUSED_PACKAGES.test(file),
    );
    for (const file of files) {
      await runCommand('dpkg-deb', ['-x', join(archives, file), folder], { signal });
    }
    await rm(apt, { recursive: true });
    await rm(join(folder, 'usr', 'share', 'doc'), { recursive: true, force: true });
    const { command, args } = await programBelow(folder, program.path);
    const version = await runCommand(command, [...args, program.versionArgument ?? '--version'], {
      signal,
    });
    if (program.fits?.(version) === false) {
      throw new StackError(`${name} is too old: ${version.trim().split('\n')[0]}`);
    }
  });
}

/**
 * How to run an unpacked program with the libraries that came with it.
 * @throws StackError when it is not unpacked
 */
export async function unpackedProgram(program: DebianProgram): Promise<UnpackedProgram> {
  const folder = cachedFolder(cacheName(program, await requireRelease()));
  return programBelow(folder, program.path);
}

/** What of a suite is read for a program: Ubuntu keeps most servers in `universe`. */
function wantedSuite({ debianSuite }: DebianProgram, release: Release): WantedSuite {
  return release.distribution === 'ubuntu'
    ? { suite: release.suite, components: ['main', 'universe'] }
    : { suite: debianSuite ?? release.suite, components: ['main'] };
}

function cacheName(program: DebianProgram, release: Release): string {
  return `${program.packageName}-${wantedSuite(program, release).suite}`;
}

/** Lists, a status and sources of its own, for `aptOptions`. */
async function prepareApt(apt: string, release: Release, wanted: WantedSuite): Promise<void> {
  await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
  await mkdir(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  await mkdir(join(apt, 'sources.list.d'));
  await writeFile(join(apt, 'status'), '');
  const { oneLine, deb822 } = sourcesForSuite(await readAptSources(), release.suite, wanted);
  if (oneLine.length + deb822.length === 0) {
    throw new StackError(`no apt source of this machine names its suite ${release.suite}`);
  }
  await writeFile(join(apt, 'sources.list'), oneLine.map((line) => `${line}\n`).join(''));
  await writeFile(join(apt, 'sources.list.d', 'own.sources'), `${deb822.join('\n\n')}\n`);
}

/** The name that this suite has the package under; the first one, when it has none of them. */
async function packageNameOf(
  { packageName, otherNames = [] }: DebianProgram,
  apt: string,
  signal?: AbortSignal,
): Promise<string> {
  if (otherNames.length === 0) return packageName;
  const known = (await runCommand('apt-cache', [...aptOptions(apt), 'pkgnames'], { signal })).split(
    '\n',
  );
  return [packageName, ...otherNames].find((name) => known.includes(name)) ?? packageName;
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
    throw new StackError(`${reason} (apt-get must reach a mirror of this machine's distribution)`, {
      cause: error,
    });
  }
}

function aptOptions(apt: string): string[] {
  return [
    `Dir::Etc::SourceList=${join(apt, 'sources.list')}`,
    `Dir::Etc::SourceParts=${join(apt, 'sources.list.d')}`,
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

async function readRelease(): Promise<Release | undefined> {
  return parseRelease(await readFile('/etc/os-release', 'utf8').catch(() => ''));
}

async function requireRelease(): Promise<Release> {
  const release = await readRelease();
  if (release !== undefined) return release;
  throw new StackError(
    'this is neither a Debian nor an Ubuntu with apt: install Redis 7, MySQL 8 or newer and MariaDB 10.6 or newer, so that redis-server, mysqld and mariadbd are in PATH',
  );
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
