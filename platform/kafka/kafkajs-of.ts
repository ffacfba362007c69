// From a client to the kafkajs behind it: for this folder, and for tests that need what it does not offer.
import type { Kafka } from 'kafkajs';

const behind = new WeakMap<object, Kafka>();

/** Notes the kafkajs behind a new client. */
export function rememberKafkajs(client: object, kafka: Kafka): void {
  behind.set(client, kafka);
}

/** The kafkajs behind a client that `createKafkaClient` made. */
export function kafkajsOf(client: object): Kafka {
  const kafka = behind.get(client);
  if (kafka === undefined) throw new Error('createKafkaClient did not make this client');
  return kafka;
}
