// Every link between a service and a server as a link of its own, laid without a change of a setting.
import { addressOf } from '../system/addresses.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** `client>server`, as in `projector>mysql`; `>kafka` stands for the links to all three brokers. */
export type Link =
  | 'command-api>redis'
  | 'command-api>kafka'
  | 'projector>kafka'
  | 'projector>mysql'
  | 'query-api>mysql';

export type FaultyNetwork = {
  /** What a service needs in its environment to use its links. */
  environmentOf(client: string): Record<string, string>;
  of(link: Link): readonly TcpProxy[];
  close(): Promise<void>;
};

const LINKS: readonly Link[] = [
  'command-api>redis',
  'command-api>kafka',
  'projector>kafka',
  'projector>mysql',
  'query-api>mysql',
];

/** Lays a link for each of the links. */
export async function createFaultyNetwork(): Promise<FaultyNetwork> {
  const portsOf: Record<string, number[]> = {
    redis: [Number(new URL(addressOf('REDIS_URL')).port)],
    mysql: [Number(new URL(addressOf('MYSQL_URL')).port)],
    kafka: addressOf('KAFKA_BROKERS')
      .split(',')
      .map((address) => Number(address.split(':')[1])),
  };
  const links = new Map<Link, { meant: number; proxy: TcpProxy }[]>();
  for (const link of LINKS) {
    const laid = (portsOf[link.split('>')[1] ?? ''] ?? []).map(async (meant) => ({
      meant,
      proxy: await createTcpProxy('127.0.0.1', meant),
    }));
    links.set(link, await Promise.all(laid));
  }
  return {
    environmentOf: (client) => {
      const own = [...links].filter(([link]) => link.startsWith(`${client}>`));
      const ports = own.flatMap(([, laid]) => laid.map(({ meant, proxy }) => [meant, proxy.port]));
      return {
        NODE_OPTIONS: `--import=${new URL('./rewire.ts', import.meta.url).href}`,
        WIRES: JSON.stringify(ports),
      };
    },
    of: (link) => (links.get(link) ?? []).map(({ proxy }) => proxy),
    close: async () => {
      for (const { proxy } of [...links.values()].flat()) {
        proxy.mend();
        await proxy.close();
      }
    },
  };
}
