// The Kafka client of a process. Producers, consumers, readers and admins are made from it where they
// are used.
import { connect, Socket } from 'node:net';
import { Kafka } from 'kafkajs';
import './idle-timer.ts';
import { withDeadline } from '../deadline.ts';
import type { Logger } from '../logger.ts';
import { rememberKafkajs } from './kafkajs-of.ts';
import { kafkaLogCreator } from './log-lines.ts';

export type KafkaSettings = { brokers: string[]; clientId: string };

/** Opens a connection and calls `onConnect` when it is there. */
type OpenSocket = (to: { host: string; port: number; onConnect: () => void }) => Socket;

export type ClientOptions = {
  /** Few and quick tries, for a client that is given up sooner than waited for. */
  givesUpSoon?: boolean;
  openSocket?: OpenSocket;
};

/** What producers, consumers, readers and admins are made from. */
export type KafkaClient = {
  /**
   * Lets go of every connection at once, and for good: not one byte leaves it after this. For a client
   * that may have to be given up while it waits: a close waits for answers, and what still tries again
   * behind it would connect once more and stay connected.
   */
  end(): void;
};

/**
 * A client with stated time limits. The tries of kafkajs itself are kept few: whoever uses it knows
 * better whether, and how, to try again.
 */
export function createKafkaClient(
  settings: KafkaSettings,
  logger: Logger,
  options: ClientOptions = {},
): KafkaClient {
  const { openSocket: open = openSocket, givesUpSoon = false } = options;
  const sockets = new Set<Socket>();
  let ended = false;
  // With an error where it is still in use: kafkajs does not listen for a close alone.
  const destroy = (socket: Socket): void => {
    socket.destroy(socket.writableEnded ? undefined : new Error('this client was ended'));
  };
  const kafka = new Kafka({
    brokers: settings.brokers,
    clientId: settings.clientId,
    connectionTimeout: 2_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: givesUpSoon
      ? { initialRetryTime: 50, maxRetryTime: 200, retries: 3 }
      : { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logCreator: kafkaLogCreator(logger),
    socketFactory: (to) => {
      const socket = ended ? new Socket() : open(to);
      if (ended) destroy(socket);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
  });
  const client: KafkaClient = {
    end: () => {
      ended = true;
      sockets.forEach(destroy);
    },
  };
  rememberKafkajs(client, kafka);
  siblings.set(client, () => createKafkaClient(settings, logger, options));
  return client;
}

const siblings = new WeakMap<KafkaClient, () => KafkaClient>();

/** Another client like this one, to be ended for itself. */
export function siblingOf(client: KafkaClient): KafkaClient {
  const make = siblings.get(client);
  if (make === undefined) throw new Error('createKafkaClient did not make this client');
  return make();
}

/**
 * How long a client that lives long goes by what it knows of a topic: so long it takes until it sees
 * a partition that was added (kafkajs' own choice is 5 minutes).
 */
export const METADATA_AGE_MS = 10_000;

/** Longer than a broker that answers ever needs. */
const DISCONNECT_MS = 2_000;

/**
 * Disconnects a producer, consumer or admin, and waits for it no longer than a moment: with a broker
 * that is frozen kafkajs waits for its answers, minutes in all. Never throws.
 */
export async function disconnectSoon(client: { disconnect(): Promise<void> }): Promise<void> {
  const late = (): Error => new Error('no answer to the goodbye');
  await withDeadline(client.disconnect(), DISCONNECT_MS, late).catch(() => undefined);
}

const openSocket: OpenSocket = ({ host, port, onConnect }) =>
  connect({ host, port, keepAlive: true, keepAliveInitialDelay: 60_000 }, onConnect);
