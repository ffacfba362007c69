import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { StackError } from '../stack-error.ts';

const JVM_FOLDER = '/usr/lib/jvm';

export type Java = { home: string; major: number; version: string };

/**
 * The Java version in the `release` file of a JDK or JRE.
 * @returns undefined when the text names none
 */
export function parseJavaRelease(release: string): { major: number; version: string } | undefined {
  const version = /^JAVA_VERSION="([^"]+)"/m.exec(release)?.[1];
  if (version === undefined) return undefined;
  const [first = '', second = ''] = version.split('.');
  const major = Number.parseInt(first === '1' ? second : first, 10);
  return Number.isNaN(major) ? undefined : { major, version };
}

/**
 * The first Java, in the order given, whose major version lies within the limits.
 * @returns undefined when none fits
 */
export function chooseJava(
  found: readonly Java[],
  limits: { min: number; max: number },
): Java | undefined {
  return found.find(({ major }) => major >= limits.min && major <= limits.max);
}

/** Every Java of this machine: JAVA_HOME first, then PATH, then the usual folder of JVMs. */
export function findJavas(env: NodeJS.ProcessEnv = process.env): Java[] {
  const homes = [
    env.JAVA_HOME,
    ...(env.PATH ?? '').split(delimiter).map(javaHomeOfBinFolder),
    ...listFolder(JVM_FOLDER).map((name) => join(JVM_FOLDER, name)),
  ];
  return [...new Set(homes)].flatMap((home) => {
    const java = home === undefined ? undefined : readJava(home);
    return java === undefined ? [] : [java];
  });
}

/**
 * The Java for a part: as `chooseJava`.
 * @throws StackError that says how to get one
 */
export function requireJava(
  javas: readonly Java[],
  what: string,
  limits: { min: number; max: number },
): Java {
  const java = chooseJava(javas, limits);
  if (java !== undefined) return java;
  throw new StackError(
    `${what} needs Java ${limits.min} to ${limits.max}: apt-get install openjdk-17-jre-headless, or set JAVA_HOME`,
  );
}

function javaHomeOfBinFolder(folder: string): string | undefined {
  try {
    return dirname(dirname(realpathSync(join(folder, 'java'))));
  } catch {
    return undefined;
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readJava(home: string): Java | undefined {
  try {
    realpathSync(join(home, 'bin', 'java'));
    const release = parseJavaRelease(readFileSync(join(home, 'release'), 'utf8'));
    return release === undefined ? undefined : { home: realpathSync(home), ...release };
  } catch {
    return undefined;
  }
}
