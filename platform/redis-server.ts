// What a Redis server says of itself in INFO. Asked by INFO alone: managed servers forbid CONFIG.
import type { Redis } from 'ioredis';

/** Whose history is in a server, how much of it is gone, and may it decide? */
export type Replication = {
  isMaster: boolean;
  replicationId: string;
  /** Keys that were thrown away for want of memory since the server started, or since CONFIG RESETSTAT. */
  evictedKeys: number;
};

export type RedisServer = Replication & {
  /** As `7.0.15`; of Valkey the version of Redis that it stands for. */
  version: string;
  maxmemoryPolicy: string;
  isCluster: boolean;
};

/** The first version whose INFO takes several sections at once; the tests run on it. */
const OLDEST_VERSION = 7;

/** Asks the server behind this connection, past whatever was sent to it before. Fails as Redis does. */
export async function readReplication(redis: Redis): Promise<Replication> {
  return parseReplication(await redis.info('replication', 'stats'));
}

/** The same, with how the server is set up. Fails as Redis does. */
export async function readRedisServer(redis: Redis): Promise<RedisServer> {
  // Without sections: that is understood by every version, those that are refused included.
  return parseRedisServer(await redis.info());
}

/** What the text of INFO says; what it does not name is an empty text. */
export function parseRedisServer(info: string): RedisServer {
  return {
    ...parseReplication(info),
    version: fieldOf(info, 'redis_version'),
    maxmemoryPolicy: fieldOf(info, 'maxmemory_policy'),
    isCluster: fieldOf(info, 'cluster_enabled') === '1',
  };
}

/**
 * Why nothing may be decided on a server that is set up like this; null when nothing is against it.
 * The policy counts without a memory limit, too: a limit may be set while the server runs.
 */
export function redisServerFault(server: RedisServer): string | null {
  const { version, maxmemoryPolicy, isCluster } = server;
  if (!(Number.parseInt(version, 10) >= OLDEST_VERSION)) {
    return `Redis ${version} is older than ${OLDEST_VERSION}.0`;
  }
  if (isCluster) return 'Redis Cluster is on: the scripts need all keys on one server';
  if (maxmemoryPolicy === 'noeviction') return null;
  return `Redis may throw keys away: maxmemory-policy is ${maxmemoryPolicy || 'not told'}, and has to be noeviction`;
}

function parseReplication(info: string): Replication {
  return {
    isMaster: fieldOf(info, 'role') === 'master',
    replicationId: fieldOf(info, 'master_replid'),
    evictedKeys: Number(fieldOf(info, 'evicted_keys') || 0),
  };
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
}
