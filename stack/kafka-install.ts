// The broker's jars from Maven, and an archive of their classes in the form the JVM has them in memory:
// with it a broker needs about two thirds of the processor time to start, which counts three times.
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder, installOnce, isCached } from './cache.ts';
import type { Installer } from './installer.ts';
import { findJavas, type Java, requireJava } from './java.ts';
import { renderBrokerConfig } from './kafka-config.ts';
import { fetchLiveBrokerIds } from './kafka-probe.ts';
import { copyDependencies } from './maven.ts';
import { claimPort } from './ports.ts';
import { runCommand } from './run-command.ts';
import { startProcess } from './supervisor.ts';

const VERSION = '4.1.0';
const JARS = `kafka-${VERSION}`;
const POM = fileURLToPath(new URL('./kafka/pom.xml', import.meta.url));
const LOG_CONFIG = fileURLToPath(new URL('./kafka/log4j2.properties', import.meta.url));

/** How to run the classes of an installed Kafka. */
export type KafkaProgram = { java: string; classPath: string[]; brokerArguments: string[] };

export function kafkaInstaller(): Installer {
  const java = kafkaJava();
  return {
    title: `kafka ${VERSION}`,
    isInstalled: () => isCached(JARS) && isCached(archiveName(java)),
    install: async (signal) => {
      await installOnce(JARS, (folder) => copyDependencies(POM, join(folder, 'libs'), signal));
      await installOnce(archiveName(java), (folder) => archiveClasses(java, folder, signal));
    },
  };
}

/**
 * @throws StackError when no Java fits
 */
export function kafkaProgram(): KafkaProgram {
  const java = kafkaJava();
  const archive = join(cachedFolder(archiveName(java)), 'classes.jsa');
  return programWith(java, existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []);
}

/** Prepares the log folder of a broker that has none yet. */
export async function formatLogFolder(
  program: KafkaProgram,
  configFile: string,
  clusterId: string,
  signal?: AbortSignal,
): Promise<void> {
  const args = ['format', '--config', configFile, '--cluster-id', clusterId];
  await runCommand(
    program.java,
    ['-XX:TieredStopAtLevel=1', ...program.classPath, 'kafka.tools.StorageTool', ...args],
    { signal },
  );
}

function kafkaJava(): Java {
  return requireJava(findJavas(), `Kafka ${VERSION}`, { min: 17, max: 24 });
}

function archiveName(java: Java): string {
  return `kafka-${VERSION}-classes-java-${java.version}`;
}

function programWith(java: Java, options: string[]): KafkaProgram {
  const classPath = [...options, '-cp', join(cachedFolder(JARS), 'libs', '*')];
  return {
    java: join(java.home, 'bin', 'java'),
    classPath,
    brokerArguments: [
      ...['-Xms256m', '-Xmx512m', `-Dlog4j2.configurationFile=${LOG_CONFIG}`],
      ...[...classPath, 'kafka.Kafka'],
    ],
  };
}

/** Starts a broker that stands alone, once, and lets the JVM write down the classes it has loaded. */
async function archiveClasses(
  java: Java,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [broker, controller] = await Promise.all([claimPort(), claimPort()]);
  const scratch = join(folder, 'scratch');
  const configFile = join(scratch, 'server.properties');
  const ports = { port: broker.port, controllerPort: controller.port };
  await mkdir(scratch);
  await writeFile(
    configFile,
    renderBrokerConfig({
      ...{ id: 1, logFolder: join(scratch, 'log'), ...ports },
      voters: [{ id: 1, controllerPort: controller.port }],
    }),
  );
  const program = programWith(java, [
    `-XX:ArchiveClassesAtExit=${join(folder, 'classes.jsa')}`,
    '-Xlog:cds=off',
    '-Xlog:cds+dynamic=off',
  ]);
  try {
    await formatLogFolder(programWith(java, []), configFile, 'firstcome-class-archiv');
    const process = await startProcess({
      name: 'kafka-classes',
      command: program.java,
      args: [...program.brokerArguments, configFile],
      logFile: join(scratch, 'kafka.log'),
      ready: () => fetchLiveBrokerIds('127.0.0.1', broker.port),
      restart: false,
      stopTimeoutMs: 60_000,
      ...(signal === undefined ? {} : { signal }),
    });
    await process.stop();
    await rm(scratch, { recursive: true });
  } finally {
    broker.claim.release();
    controller.claim.release();
  }
}
