// The connections between services and servers, led through links that can be cut, stalled and slowed,
// without a change of the services' settings.
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

/** Opens a proxy, or three, for each link. */
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
    const opened = (portsOf[link.split('>')[1] ?? ''] ?? []).map(async (meant) => ({
      meant,
      proxy: await createTcpProxy('127.0.0.1', meant),
    }));
    links.set(link, await Promise.all(opened));
  }
  return {
    environmentOf: (client) => {
      const own = [...links].filter(([link]) => link.startsWith(`${client}>`));
      const ports = own.flatMap(([, proxies]) =>
        proxies.map(({ meant, proxy }) => [meant, proxy.port]),
      );
      return {
        NODE_OPTIONS: `--import=${new URL('./redirect-ports.ts', import.meta.url).href}`,
        PORT_ROUTES: JSON.stringify(ports),
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
