// The Kafka client of a process. Producers, consumers and admins are made from it where they are used.
import { Kafka } from 'kafkajs';
import { kafkaLogCreator, type Logger } from './logger.ts';

export type KafkaSettings = { brokers: string[]; clientId: string };

/**
 * A client with stated time limits. kafkajs' own retries are kept short: whoever calls it knows
 * better whether, and how, to try again.
 */
export function createKafka({ brokers, clientId }: KafkaSettings, logger: Logger): Kafka {
  return new Kafka({
    brokers,
    clientId,
    connectionTimeout: 2_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logCreator: kafkaLogCreator(logger),
  });
}
