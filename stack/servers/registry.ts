// Apicurio Registry with its data in Kafka; services use its Confluent-compatible API.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder, installOnce, isCached } from '../install/cache.ts';
import {
  classArchiveOptions,
  hasClassArchive,
  installClassArchive,
} from '../install/class-archive.ts';
import type { Installer } from '../install/installer.ts';
import { chooseJava, findJavas, type Java, requireJava } from '../install/java.ts';
import { copyArtifact } from '../install/maven.ts';
import { lockPort } from '../process/ports.ts';
import { runCommand } from '../process/run-command.ts';
import type { PartContext } from './part-context.ts';

const COMPATIBILITY_API = '/apis/ccompat/v7';

export type RegistryChoice = { version: string; jar: string; java: Java };

/**
 * The newest version that one of these Javas can run: 3.3 from Java 21 on, else 3.0.9.
 * @throws StackError when there is not even Java 17
 */
export function chooseRegistry(javas: readonly Java[]): RegistryChoice {
  const java = chooseJava(javas, { min: 21, max: 25 });
  if (java !== undefined) return { version: '3.3.3', jar: 'quarkus-run.jar', java };
  return {
    version: '3.0.9',
    jar: 'apicurio-registry-app-3.0.9-runner.jar',
    java: requireJava(javas, 'the schema registry', { min: 17, max: 25 }),
  };
}

export function registryInstaller(): Installer {
  const choice = chooseRegistry(findJavas());
  const program = programOf(choice);
  return {
    title: `schema registry (Apicurio ${choice.version})`,
    isInstalled: () => isCached(program) && hasClassArchive({ program, java: choice.java }),
    install: async (signal) => {
      await installOnce(program, async (folder) => {
        const artifact = 'apicurio-registry-app';
        await copyArtifact(`io.apicurio:${artifact}:${choice.version}:tar.gz:all`, folder, signal);
        const archive = join(folder, `${artifact}-${choice.version}-all.tar.gz`);
        await runCommand('tar', ['--extract', '--file', archive, '--directory', folder]);
        await rm(archive);
      });
      await archiveClasses(choice, signal);
    },
  };
}

/**
 * Starts the registry; the brokers must serve already.
 * @returns the address of its Confluent-compatible API
 */
export async function startRegistry(
  context: PartContext,
  kafkaBrokers: readonly string[],
): Promise<string> {
  const choice = chooseRegistry(findJavas());
  const { java } = choice;
  const port = await context.port('registry');
  const managementPort = await context.port('registry-management');
  const dataFolder = context.dataFolder('registry');
  await mkdir(dataFolder, { recursive: true });
  const url = urlAt(port);
  await context.launch({
    name: 'registry',
    command: join(java.home, 'bin', 'java'),
    args: javaArguments(choice, classArchiveOptions({ program: programOf(choice), java })),
    cwd: dataFolder,
    env: {
      ...listenOn(port, managementPort),
      APICURIO_STORAGE_KIND: 'kafkasql',
      APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: kafkaBrokers.join(','),
      // At its start it polls two topics until a poll comes back empty, and the first one often waits
      // for the whole time: the default of 5 s makes up for two thirds of the start.
      APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT: '300',
      // A journal of some schemas is replayed in no time; a snapshot would be one more file to lose.
      APICURIO_KAFKASQL_SNAPSHOT_EVERY_SECONDS: 'off',
    },
    ready: () => awaitRegistry(url),
  });
  return url;
}

/** A registry with its data in memory, as a process that is not started yet. */
export function registryInMemory(port: number, managementPort: number) {
  const choice = chooseRegistry(findJavas());
  const { java } = choice;
  return {
    url: urlAt(port),
    command: join(java.home, 'bin', 'java'),
    args: javaArguments(choice, classArchiveOptions({ program: programOf(choice), java })),
    env: listenOn(port, managementPort),
    ready: () => awaitRegistry(urlAt(port)),
  };
}

/** Lets it run with its data in memory, for the archive of its classes. */
async function archiveClasses(choice: RegistryChoice, signal?: AbortSignal): Promise<void> {
  const [http, management] = await Promise.all([lockPort(), lockPort()]);
  try {
    await installClassArchive(
      { program: programOf(choice), java: choice.java },
      async (_, jvmOptions) => ({
        args: javaArguments(choice, jvmOptions),
        env: listenOn(http.port, management.port),
        ready: () => awaitRegistry(urlAt(http.port)),
      }),
      signal,
    );
  } finally {
    http.lock.release();
    management.lock.release();
  }
}

function programOf({ version }: RegistryChoice): string {
  return `apicurio-${version}`;
}

function javaArguments(choice: RegistryChoice, jvmOptions: string[]): string[] {
  return [
    // It serves some hundred requests in its life: the second compiler would only cost time.
    ...['-Xms64m', '-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    ...[...jvmOptions, '-jar', join(cachedFolder(programOf(choice)), choice.jar)],
  ];
}

function listenOn(port: number, managementPort: number): Record<string, string> {
  return {
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
    QUARKUS_MANAGEMENT_PORT: String(managementPort),
    QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
  };
}

function urlAt(port: number): string {
  return `http://127.0.0.1:${port}${COMPATIBILITY_API}`;
}

async function awaitRegistry(url: string): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(3_000) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the registry answers ${response.status}`);
}
