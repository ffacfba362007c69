// Three brokers that are controllers as well.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatLogFolder, kafkaProgram } from '../install/kafka-install.ts';
import { renderBrokerConfig } from './kafka-config.ts';
import { fetchLiveBrokerIds } from './kafka-probe.ts';
import type { PartContext } from './part-context.ts';

const BROKER_IDS = [1, 2, 3] as const;

/**
 * Starts the brokers side by side and resolves when each of them serves.
 * @returns their addresses
 */
export async function startKafka(context: PartContext): Promise<string[]> {
  const program = kafkaProgram();
  const brokers = await Promise.all(
    BROKER_IDS.map(async (id) => ({
      id,
      port: await context.port(`kafka-${id}`),
      controllerPort: await context.port(`kafka-${id}-controller`),
    })),
  );
  const starts = brokers.map(async (broker) => {
    const name = `kafka-${broker.id}`;
    const dataFolder = context.dataFolder(name);
    const configFile = join(dataFolder, 'server.properties');
    const logFolder = join(dataFolder, 'log');
    await mkdir(dataFolder, { recursive: true });
    await writeFile(configFile, renderBrokerConfig({ ...broker, logFolder, voters: brokers }));
    if (!existsSync(join(logFolder, 'meta.properties'))) {
      await formatLogFolder(program, configFile, context.state.clusterId, context.signal);
    }
    await context.launch({
      name,
      command: program.java,
      args: [...program.brokerArguments, configFile],
      ready: () => awaitBroker(broker),
      stopTimeoutMs: 20_000,
    });
  });
  await Promise.all(starts);
  return brokers.map(({ port }) => `127.0.0.1:${port}`);
}

/** Resolves when this broker answers and counts itself among the live ones. */
async function awaitBroker({ id, port }: { id: number; port: number }): Promise<void> {
  const live = await fetchLiveBrokerIds('127.0.0.1', port);
  if (!live.includes(id)) throw new Error(`broker ${id} has not registered yet`);
}
