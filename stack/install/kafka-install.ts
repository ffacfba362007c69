// The broker's jars from Maven, and how to run them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockPort } from '../process/ports.ts';
import { runCommand } from '../process/run-command.ts';
import { renderBrokerConfig } from '../servers/kafka-config.ts';
import { fetchLiveBrokerIds } from '../servers/kafka-probe.ts';
import { cachedFolder, installOnce, isCached } from './cache.ts';
import { classArchiveOptions, hasClassArchive, installClassArchive } from './class-archive.ts';
import type { Installer } from './installer.ts';
import { findJavas, type Java, requireJava } from './java.ts';
import { copyDependencies } from './maven.ts';

const VERSION = '4.1.0';
const PROGRAM = `kafka-${VERSION}`;
const POM = fileURLToPath(new URL('./kafka/pom.xml', import.meta.url));
const LOG_CONFIG = fileURLToPath(new URL('../servers/kafka/log4j2.properties', import.meta.url));

/** How to run the classes of an installed Kafka. */
export type KafkaProgram = { java: string; classPath: string[]; brokerArguments: string[] };

export function kafkaInstaller(): Installer {
  const java = kafkaJava();
  return {
    title: `kafka ${VERSION}`,
    isInstalled: () => isCached(PROGRAM) && hasClassArchive({ program: PROGRAM, java }),
    install: async (signal) => {
      await installOnce(PROGRAM, (folder) => copyDependencies(POM, join(folder, 'libs'), signal));
      await archiveClasses(java, signal);
    },
  };
}

/**
 * @throws StackError when no Java fits
 */
export function kafkaProgram(): KafkaProgram {
  const java = kafkaJava();
  return programWith(java, classArchiveOptions({ program: PROGRAM, java }));
}

/** Prepares the log folder of a broker that has none yet. */
export async function formatLogFolder(
  program: KafkaProgram,
  configFile: string,
  clusterId: string,
  signal?: AbortSignal,
): Promise<void> {
  // In one argument: an id that begins with a dash would be taken for an option.
  const args = ['format', '--config', configFile, `--cluster-id=${clusterId}`];
  await runCommand(
    program.java,
    ['-XX:TieredStopAtLevel=1', ...program.classPath, 'kafka.tools.StorageTool', ...args],
    { signal },
  );
}

function kafkaJava(): Java {
  return requireJava(findJavas(), `Kafka ${VERSION}`, { min: 17, max: 25 });
}

function programWith(java: Java, options: string[]): KafkaProgram {
  const classPath = [...options, '-cp', join(cachedFolder(PROGRAM), 'libs', '*')];
  return {
    java: join(java.home, 'bin', 'java'),
    classPath,
    brokerArguments: [
      // One compiler: brokers that are minutes old would spend more of few cores on compiling than on
      // serving. A first rush got 1,617 and 1,872 units a second without, 2,277 and 2,344 with it.
      '-XX:TieredStopAtLevel=1',
      ...['-Xms256m', '-Xmx512m', `-Dlog4j2.configurationFile=${LOG_CONFIG}`],
      ...[...classPath, 'kafka.Kafka'],
    ],
  };
}

async function archiveClasses(java: Java, signal?: AbortSignal): Promise<void> {
  const [broker, controller] = await Promise.all([lockPort(), lockPort()]);
  try {
    await installClassArchive(
      { program: PROGRAM, java },
      async (scratchFolder, jvmOptions) => {
        const configFile = join(scratchFolder, 'server.properties');
        const config = {
          id: 1,
          logFolder: join(scratchFolder, 'log'),
          port: broker.port,
          controllerPort: controller.port,
        };
        await writeFile(configFile, renderBrokerConfig({ ...config, voters: [config] }));
        await formatLogFolder(programWith(java, []), configFile, 'firstcome-class-archiv', signal);
        return {
          args: [...programWith(java, jvmOptions).brokerArguments, configFile],
          ready: () => fetchLiveBrokerIds('127.0.0.1', broker.port),
        };
      },
      signal,
    );
  } finally {
    broker.lock.release();
    controller.lock.release();
  }
}
