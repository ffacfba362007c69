// Three brokers that are controllers as well (KRaft combined mode), from the jars of Maven.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { cachedFolder, installOnce, isCached } from './cache.ts';
import type { Installer } from './installer.ts';
import { requireJava } from './java.ts';
import { copyDependencies } from './maven.ts';
import type { PartContext } from './part-context.ts';
import { runCommand } from './run-command.ts';

const VERSION = '4.1.0';
const INSTALLED = `kafka-${VERSION}`;
const KAFKA_JAVA = { min: 17, max: 24 };
const BROKER_IDS = [1, 2, 3] as const;
const POM = fileURLToPath(new URL('./kafka/pom.xml', import.meta.url));
const LOG_CONFIG = fileURLToPath(new URL('./kafka/log4j2.properties', import.meta.url));

export const kafkaInstaller: Installer = {
  title: `kafka ${VERSION}`,
  isInstalled: () => isCached(INSTALLED),
  install: async () => {
    await installOnce(INSTALLED, (folder) => copyDependencies(POM, join(folder, 'libs')));
  },
};

export type BrokerConfig = {
  id: number;
  dataFolder: string;
  port: number;
  controllerPort: number;
  /** Controller ports of all brokers, by broker id. */
  voters: readonly { id: number; port: number }[];
};

/**
 * The properties of one broker. Ports may differ from start to start: voters are told here and
 * not kept in the metadata log, and brokers register anew with their listeners.
 */
export function renderBrokerConfig(config: BrokerConfig): string {
  const voters = config.voters.map(({ id, port }) => `${id}@127.0.0.1:${port}`).join(',');
  const listener = `PLAINTEXT://127.0.0.1:${config.port}`;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': config.id,
    'log.dirs': config.dataFolder,
    listeners: `${listener},CONTROLLER://127.0.0.1:${config.controllerPort}`,
    'advertised.listeners': listener,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': voters,
    'auto.create.topics.enable': false,
    'default.replication.factor': 3,
    'min.insync.replicas': 2,
    'unclean.leader.election.enable': false,
    'log.retention.ms': -1,
    'offsets.topic.replication.factor': 3,
    'offsets.topic.num.partitions': 6,
    'offsets.retention.minutes': 10_080,
    'transaction.state.log.replication.factor': 3,
    'transaction.state.log.min.isr': 2,
    'transaction.state.log.num.partitions': 6,
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/**
 * Starts the brokers side by side and resolves when each of them serves.
 * @returns their addresses
 */
export async function startKafka(context: PartContext): Promise<string[]> {
  const brokers = await Promise.all(
    BROKER_IDS.map(async (id) => ({
      id,
      port: await context.port(`kafka-${id}`),
      controllerPort: await context.port(`kafka-${id}-controller`),
    })),
  );
  const voters = brokers.map(({ id, controllerPort }) => ({ id, port: controllerPort }));
  const java = join(requireJava(`Kafka ${VERSION}`, KAFKA_JAVA).home, 'bin', 'java');
  const classPath = join(cachedFolder(INSTALLED), 'libs', '*');
  await Promise.all(
    brokers.map(async ({ id, port, controllerPort }) => {
      const name = `kafka-${id}`;
      const dataFolder = context.dataFolder(name);
      const configFile = join(dataFolder, 'server.properties');
      await mkdir(dataFolder, { recursive: true });
      await writeFile(
        configFile,
        renderBrokerConfig({
          id,
          dataFolder: join(dataFolder, 'log'),
          port,
          controllerPort,
          voters,
        }),
      );
      if (!existsSync(join(dataFolder, 'log', 'meta.properties'))) {
        await runCommand(java, [
          ...['-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool', 'format'],
          ...['--config', configFile, '--cluster-id', context.state.clusterId],
        ]);
      }
      await context.launch({
        name,
        command: java,
        args: [
          ...['-Xms256m', '-Xmx512m', `-Dlog4j2.configurationFile=${LOG_CONFIG}`],
          ...['-cp', classPath, 'kafka.Kafka', configFile],
        ],
        ready: () => awaitBroker(`127.0.0.1:${port}`, id),
        stopTimeoutMs: 20_000,
      });
    }),
  );
  return brokers.map(({ port }) => `127.0.0.1:${port}`);
}

/** Resolves when this broker answers and counts itself among the live ones. */
async function awaitBroker(address: string, id: number): Promise<void> {
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    if (!brokers.some(({ nodeId }) => nodeId === id)) throw new Error(`broker ${id} is fenced`);
  } finally {
    await admin.disconnect();
  }
}
