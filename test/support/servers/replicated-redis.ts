// A Redis master with a replica that a Sentinel promotes, and the network between them: the replica
// and the Sentinel know the master by a link, so that it can be cut off while clients still reach it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Redis } from 'ioredis';
import { lockPort } from '../../../stack/process/ports.ts';
import { type ManagedProcess, startProcess } from '../../../stack/process/supervisor.ts';
import { redisArguments, redisProgram } from '../../../stack/servers/redis.ts';
import { createTcpProxy, type TcpProxy } from '../faults/tcp-proxy.ts';
import { connectRedis } from '../system/redis.ts';
import { waitUntil } from '../wait-until.ts';

export type ReplicatedRedis = {
  /** Where clients ask, each at an address of its own; all lead to the first master at first. */
  fronts: readonly [TcpProxy, TcpProxy];
  /** From the replica and the Sentinel to the first master. */
  link: TcpProxy;
  firstMaster: Redis;
  /** Waits until the Sentinel has made the replica the master. @returns its port */
  promoted(): Promise<number>;
  /** Waits until the first master follows the second. */
  rejoined(): Promise<void>;
  close(): Promise<void>;
};

const MASTER_NAME = 'firstcome';
/** A master without its replica takes no writes after so many seconds. */
export const MAX_LAG_S = 2;
const LIMIT_MS = 60_000;

/** Starts all of it, with data in `folder`; the replica is in step. */
export async function startReplicatedRedis(folder: string): Promise<ReplicatedRedis> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  const opened = <T extends { close(): Promise<unknown> }>(one: T): T => {
    closers.push(() => one.close());
    return one;
  };
  try {
    const launch = createLauncher(folder, closers);
    const master = await launch('master', (port, data) => [
      ...redisArguments(port, data),
      ...['--min-replicas-to-write', '1', '--min-replicas-max-lag', String(MAX_LAG_S)],
    ]);
    const link = opened(await createTcpProxy('127.0.0.1', master.port));
    const fronts = [
      opened(await createTcpProxy('127.0.0.1', master.port)),
      opened(await createTcpProxy('127.0.0.1', master.port)),
    ] as const;
    const replica = await launch('replica', (port, data) => [
      ...redisArguments(port, data),
      ...['--replicaof', '127.0.0.1', String(link.port)],
    ]);
    await untilInfo('the replica is in step', replica.redis, 'master_link_status:up');
    const sentinel = await launch('sentinel', (port, data) =>
      sentinelArguments(port, data, link.port),
    );
    await waitUntil(
      'the Sentinel knows the replica',
      async () => String(await sentinel.redis.info('sentinel')).includes('slaves=1'),
      LIMIT_MS,
    );
    return {
      fronts,
      link,
      firstMaster: master.redis,
      promoted: async () => {
        await untilInfo('the replica is promoted', replica.redis, 'role:master');
        return replica.port;
      },
      rejoined: () =>
        untilInfo('the old master follows the new one', master.redis, 'master_link_status:up'),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Writes a Sentinel's configuration. @returns its arguments */
function sentinelArguments(port: number, data: string, masterPort: number): string[] {
  const file = join(data, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${data}`,
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 1`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
    `sentinel failover-timeout ${MASTER_NAME} 10000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return [file, '--sentinel'];
}

/** A Sentinel ends the connections of whom it gives another role: asking again is a part of it. */
async function untilInfo(what: string, redis: Redis, line: string): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const info = await redis.info('replication').catch(() => '');
    return info.includes(line);
  };
  await waitUntil(what, isThere, LIMIT_MS);
}

type Launched = { port: number; redis: Redis; process: ManagedProcess };

function createLauncher(folder: string, closers: (() => Promise<unknown>)[]) {
  return async (
    name: string,
    argumentsOf: (port: number, data: string) => string[],
  ): Promise<Launched> => {
    const { port, lock } = await lockPort();
    closers.push(async () => lock.release());
    const data = resolve(folder, name);
    mkdirSync(data, { recursive: true });
    const { command, args } = await redisProgram();
    const url = `redis://127.0.0.1:${port}`;
    const process = await startProcess({
      name,
      command,
      args: [...args, ...argumentsOf(port, data)],
      logFile: join(folder, `${name}.log`),
      ready: async () => (await connectRedis(url)).disconnect(),
      restart: false,
    });
    closers.push(() => process.stop());
    const redis = await connectRedis(url);
    closers.push(async () => redis.disconnect());
    return { port, redis, process };
  };
}
