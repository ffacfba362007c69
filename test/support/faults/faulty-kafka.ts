// The real brokers behind wires that can be cut or stalled, whatever addresses they advertise.
import { connect } from 'node:net';
import { createEndableKafka, type EndableKafka } from '../../../platform/kafka/client.ts';
import { silentLogger } from '../silent-logger.ts';
import { addressOf } from '../system/addresses.ts';
import { createTcpProxy } from './tcp-proxy.ts';

export type WiredKafka = {
  /** Each client has connections of its own, all through the wires. */
  createClient(): EndableKafka;
  /** Does this to the wire of every broker. */
  cut(): void;
  stall(): void;
  stallAnswers(): void;
  mend(): void;
  connections(): number;
  close(): Promise<void>;
};

/** A wire to each broker. */
export async function createWiredKafka(): Promise<WiredKafka> {
  const brokers = addressOf('KAFKA_BROKERS').split(',');
  const wires = new Map(
    await Promise.all(
      brokers.map(async (address) => {
        const [host = '', port] = address.split(':');
        return [Number(port), await createTcpProxy(host, Number(port))] as const;
      }),
    ),
  );
  const createClient = (): EndableKafka =>
    createEndableKafka({ brokers, clientId: 'firstcome-test' }, silentLogger(), (place) =>
      connect(wires.get(place.port)?.port ?? place.port, '127.0.0.1', place.onConnect),
    );
  const each = (act: 'cut' | 'stall' | 'stallAnswers' | 'mend') => (): void => {
    for (const wire of wires.values()) wire[act]();
  };
  return {
    createClient,
    cut: each('cut'),
    stall: each('stall'),
    stallAnswers: each('stallAnswers'),
    mend: each('mend'),
    connections: () => [...wires.values()].reduce((sum, wire) => sum + wire.connections(), 0),
    close: async () => {
      await Promise.all([...wires.values()].map((wire) => wire.close()));
    },
  };
}
