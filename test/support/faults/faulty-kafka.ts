// The real brokers behind links that can be cut or stalled, whatever addresses they advertise.
import { connect } from 'node:net';
import { createKafkaClient, type KafkaClient } from '../../../platform/kafka/client.ts';
import { silentLogger } from '../silent-logger.ts';
import { addressOf } from '../system/addresses.ts';
import { createTcpProxy } from './tcp-proxy.ts';

export type FaultyKafka = {
  /** Each client has connections of its own, all through the links. */
  createClient(): KafkaClient;
  /** Does this to the link of every broker. */
  cut(): void;
  stall(): void;
  stallAnswers(): void;
  mend(): void;
  connections(): number;
  close(): Promise<void>;
};

/** A link to each broker. */
export async function createFaultyKafka(): Promise<FaultyKafka> {
  const brokers = addressOf('KAFKA_BROKERS').split(',');
  const links = new Map(
    await Promise.all(
      brokers.map(async (address) => {
        const [host = '', port] = address.split(':');
        return [Number(port), await createTcpProxy(host, Number(port))] as const;
      }),
    ),
  );
  const createClient = (): KafkaClient =>
    createKafkaClient({ brokers, clientId: 'firstcome-test' }, silentLogger(), {
      givesUpSoon: true,
      openSocket: ({ port, onConnect }) =>
        connect(links.get(port)?.port ?? port, '127.0.0.1', onConnect),
    });
  const each = (act: 'cut' | 'stall' | 'stallAnswers' | 'mend') => (): void => {
    for (const link of links.values()) link[act]();
  };
  return {
    createClient,
    cut: each('cut'),
    stall: each('stall'),
    stallAnswers: each('stallAnswers'),
    mend: each('mend'),
    connections: () => [...links.values()].reduce((sum, link) => sum + link.connections(), 0),
    close: async () => {
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}
