// Apicurio Registry with its data in Kafka; services use its Confluent-compatible API.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder, installOnce, isCached } from './cache.ts';
import type { Installer } from './installer.ts';
import { chooseJava, findJavas, type Java, requireJava } from './java.ts';
import { copyArtifact } from './maven.ts';
import type { PartContext } from './part-context.ts';
import { runCommand } from './run-command.ts';

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
  const { version } = chooseRegistry(findJavas());
  return {
    title: `schema registry (Apicurio ${version})`,
    isInstalled: () => isCached(`apicurio-${version}`),
    install: async (signal) => {
      await installOnce(`apicurio-${version}`, async (folder) => {
        const artifact = 'apicurio-registry-app';
        await copyArtifact(`io.apicurio:${artifact}:${version}:tar.gz:all`, folder, signal);
        const archive = join(folder, `${artifact}-${version}-all.tar.gz`);
        await runCommand('tar', ['--extract', '--file', archive, '--directory', folder]);
        await runCommand('rm', [archive]);
      });
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
  const { version, jar, java } = chooseRegistry(findJavas());
  const port = await context.port('registry');
  const managementPort = await context.port('registry-management');
  const dataFolder = context.dataFolder('registry');
  await mkdir(dataFolder, { recursive: true });
  const url = `http://127.0.0.1:${port}${COMPATIBILITY_API}`;
  await context.launch({
    name: 'registry',
    command: join(java.home, 'bin', 'java'),
    args: [
      ...['-Xms64m', '-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
      ...['-jar', join(cachedFolder(`apicurio-${version}`), jar)],
    ],
    cwd: dataFolder,
    env: {
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(managementPort),
      QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
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

async function awaitRegistry(url: string): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(3_000) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the registry answers ${response.status}`);
}
