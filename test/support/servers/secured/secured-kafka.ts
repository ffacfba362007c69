// One broker that takes TLS and SASL only: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomWord } from '../../../../platform/random-word.ts';
import { kafkaProgram } from '../../../../stack/install/kafka-install.ts';
import { runCommand } from '../../../../stack/process/run-command.ts';
import { renderBrokerConfig } from '../../../../stack/servers/kafka-config.ts';
import type { SecuredContext } from './launch.ts';

const MODULES = 'org.apache.kafka.common.security';

/**
 * Starts it.
 * @param login works with each of the mechanisms
 * @param ready asks whether it serves whom has that login
 * @returns its port
 */
export async function startSecuredKafka(
  context: SecuredContext,
  login: { user: string; password: string },
  ready: (port: number) => Promise<unknown>,
): Promise<number> {
  const [port, controllerPort] = [await context.port(), await context.port()];
  const folder = context.folder('kafka');
  const broker = { id: 1, port, controllerPort, logFolder: join(folder, 'log') };
  const configFile = join(folder, 'server.properties');
  const properties = securedProperties(context, broker, login);
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  // Of two lines for one property the later counts.
  const config = `${renderBrokerConfig({ ...broker, voters: [broker] })}${lines.join('')}`;
  writeFileSync(configFile, config, { mode: 0o600 });
  const program = kafkaProgram();
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${login.user},password=${login.password}]`,
  ]);
  await runCommand(program.java, [
    ...['-XX:TieredStopAtLevel=1', ...program.classPath, 'kafka.tools.StorageTool'],
    ...['format', '--config', configFile, `--cluster-id=${randomWord(22)}`, ...scram],
  ]);
  await context.launch({
    name: 'kafka',
    command: program.java,
    args: [...program.brokerArguments, configFile],
    ready: () => ready(port),
    stopTimeoutMs: 20_000,
  });
  return port;
}

function securedProperties(
  { certificates }: SecuredContext,
  { port, controllerPort }: { port: number; controllerPort: number },
  { user, password }: { user: string; password: string },
): Record<string, string | number> {
  const own = `username="broker" password="broker" user_broker="broker"`;
  const mechanisms = 'listener.name.sasl_ssl';
  return {
    listeners: `SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `SASL_SSL://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'SASL_SSL',
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    [`${mechanisms}.plain.sasl.jaas.config`]: `${MODULES}.plain.PlainLoginModule required ${own} user_${user}="${password}";`,
    [`${mechanisms}.scram-sha-256.sasl.jaas.config`]: `${MODULES}.scram.ScramLoginModule required;`,
    [`${mechanisms}.scram-sha-512.sasl.jaas.config`]: `${MODULES}.scram.ScramLoginModule required;`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': certificates.keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.ca,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
  };
}
