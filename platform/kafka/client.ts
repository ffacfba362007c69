// The Kafka client of a process. Producers, consumers and admins are made from it where they are used.
import { connect, Socket } from 'node:net';
import { type ISocketFactory, Kafka, type KafkaConfig } from 'kafkajs';
import { kafkaLogCreator, type Logger } from '../logger.ts';

export type KafkaSettings = { brokers: string[]; clientId: string };

/**
 * A client with stated time limits. kafkajs' own retries are kept short: whoever calls it knows
 * better whether, and how, to try again.
 */
export function createKafka(
  { brokers, clientId }: KafkaSettings,
  logger: Logger,
  others: Pick<KafkaConfig, 'retry' | 'socketFactory'> = {},
): Kafka {
  return new Kafka({
    brokers,
    clientId,
    connectionTimeout: 2_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logCreator: kafkaLogCreator(logger),
    ...others,
  });
}

/** A client that can be ended at once, and for good: not one byte leaves it after `end`. */
export type EndableKafka = { kafka: Kafka; end(): void };

/**
 * As `createKafka`, for a client that may have to be given up while it waits: kafkajs' `disconnect`
 * waits for answers, and what still tries again behind it connects once more and stays connected.
 */
export function createEndableKafka(
  settings: KafkaSettings,
  logger: Logger,
  socketFactory: ISocketFactory = openSocket,
): EndableKafka {
  const open = new Set<Socket>();
  let ended = false;
  // With an error: kafkajs does not listen for a close alone.
  const destroy = (socket: Socket): void => {
    socket.destroy(new Error('this client was ended'));
  };
  const openUnlessEnded: ISocketFactory = (place) => {
    const socket = ended ? new Socket() : socketFactory(place);
    if (ended) destroy(socket);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    return socket;
  };
  const kafka = createKafka(settings, logger, {
    socketFactory: openUnlessEnded,
    // Few and quick: an ended client is to stop trying soon.
    retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 3 },
  });
  return {
    kafka,
    end: () => {
      ended = true;
      open.forEach(destroy);
    },
  };
}

/**
 * How long a client that lives long goes by what it knows of a topic: so long it takes until it sees
 * a partition that was added (kafkajs' own choice is 5 minutes).
 */
export const METADATA_AGE_MS = 10_000;

type Sent = { topic: string; messages: readonly { partition?: number }[] };
type Acknowledged = { topicName: string; partition: number };

/**
 * Everything that was sent to a stated partition was acknowledged there. kafkajs leaves out, and does
 * not tell, what goes to a partition that it does not know of.
 * @throws Error naming a partition that did not acknowledge
 */
export function demandAcknowledged(
  sent: readonly Sent[],
  acknowledged: readonly Acknowledged[],
): void {
  for (const { topic, messages } of sent) {
    for (const { partition } of messages) {
      const isThere = acknowledged.some(
        (answer) => answer.topicName === topic && answer.partition === partition,
      );
      if (!isThere) throw new Error(`no acknowledgement of ${topic}/${partition}`);
    }
  }
}

/** Longer than a broker that answers ever needs. */
const DISCONNECT_MS = 2_000;

/**
 * Disconnects a producer, consumer or admin, and waits for it no longer than a moment: with a broker
 * that is frozen kafkajs waits for its answers, minutes in all. Never throws.
 */
export async function disconnectSoon(client: { disconnect(): Promise<void> }): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, DISCONNECT_MS);
  await Promise.race([client.disconnect().catch(() => undefined), limit.promise]);
  clearTimeout(timer);
}

const openSocket: ISocketFactory = ({ host, port, onConnect }) =>
  connect({ host, port, keepAlive: true, keepAliveInitialDelay: 60_000 }, onConnect);
