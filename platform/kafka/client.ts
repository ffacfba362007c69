// The Kafka client of a process. Producers, consumers, readers and admins are made from it where they
// are used.
import { connect, isIP, Socket } from 'node:net';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import './idle-timer.ts';
import './record-format.ts';
import { hostAndPortOf } from '../address.ts';
import type { KafkaConnection, SaslSettings } from '../connections/kafka-settings.ts';
import { tlsOptionsOf } from '../connections/tls.ts';
import { withDeadline } from '../deadline.ts';
import type { Logger } from '../logger.ts';
import { seeWholeLog } from './kafkajs-internals.ts';
import { rememberKafkajs } from './kafkajs-of.ts';
import { kafkaLogCreator } from './log-lines.ts';

export type KafkaSettings = KafkaConnection & { clientId: string };

/** Opens a connection and calls `onConnect` when it is there. */
type OpenSocket = (to: {
  host: string;
  port: number;
  /** Speak TLS, with these options. */
  tls?: SecureContextOptions | undefined;
  onConnect: () => void;
}) => Socket;

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
  const { seeds, hostOf } = seedsOf(settings.brokers);
  const tls = settings.tls && tlsOptionsOf(settings.tls);
  const whereTo = ({ host, port, onConnect }: Omit<Parameters<OpenSocket>[0], 'tls'>) => ({
    ...{ host: hostOf(host), port, onConnect, tls },
  });
  const kafka = new Kafka({
    brokers: seeds,
    ...securityOf(settings),
    clientId: settings.clientId,
    connectionTimeout: 2_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: givesUpSoon
      ? { initialRetryTime: 50, maxRetryTime: 200, retries: 3 }
      : { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logCreator: kafkaLogCreator(logger),
    socketFactory: (to) => {
      const socket = ended ? new Socket() : open(whereTo(to));
      if (ended) destroy(socket);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
  });
  seeWholeLog(kafka);
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

const openSocket: OpenSocket = ({ host, port, tls, onConnect }) => {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: 60_000 };
  return tls === undefined
    ? connect({ host, port, ...keepAlive }, onConnect)
    : connectTls({ ...nameOf(host), ...tls, host, port, ...keepAlive }, onConnect);
};

// An IP address may not be sent as the name that is asked for.
function nameOf(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/**
 * kafkajs cuts a broker at its first colon, so an IPv6 host is given another name there, which
 * `hostOf` gives back. What the brokers advertise does not go that way.
 */
function seedsOf(brokers: readonly string[]): {
  seeds: string[];
  hostOf: (host: string) => string;
} {
  const hosts = new Map<string, string>();
  const seeds = brokers.map((broker) => {
    const found = hostAndPortOf(broker);
    if (found === null || isIP(found.host) !== 6) return broker;
    const name = `ipv6-${found.host.replaceAll(':', '-')}`;
    hosts.set(name, found.host);
    return `${name}:${found.port}`;
  });
  return { seeds, hostOf: (host) => hosts.get(host) ?? host };
}

function securityOf({ tls, sasl }: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === undefined ? {} : { ssl: tlsOptionsOf(tls) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  };
}

function saslOf({ mechanism, login }: SaslSettings): SASLOptions {
  const { user: username, password } = login;
  switch (mechanism) {
    case 'PLAIN':
      return { mechanism: 'plain', username, password };
    case 'SCRAM-SHA-256':
      return { mechanism: 'scram-sha-256', username, password };
    case 'SCRAM-SHA-512':
      return { mechanism: 'scram-sha-512', username, password };
  }
}
