// May this process decide, and in which epoch? Compared with the Redis that was reached, again at
// every connection (protocol.md P8), and whenever a script found the epochs to differ.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../domain/redis-keys.ts';
import { type Backoff, backoffMs, pause } from '../platform/backoff.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { NewestClaim } from './claims.ts';

export type GateState = { kind: 'open'; epoch: number } | { kind: 'closed'; reason: string };

export type Gate = {
  state(): GateState;
  /** Closes the gate and compares again: something was found that contradicts it. */
  recheck(reason: string): void;
  /** Closes the gate when this claim is newer than its epoch (protocol.md P2, P9). */
  sawClaim(claim: number | null): void;
  close(): void;
};

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 1_000 };

/** A gate that is closed until it has been compared for the first time; it follows reconnects by itself. */
export function createGate(options: {
  redis: Redis;
  keys: RedisKeys;
  newestClaim: NewestClaim;
  logger: Logger;
}): Gate {
  const { redis, logger } = options;
  const ended = new AbortController();
  let state: GateState = { kind: 'closed', reason: 'not compared yet' };
  let comparison = 0;

  const shut = (reason: string): void => {
    if (state.kind === 'open') logger.warn({ reason }, 'gate closed');
    state = { kind: 'closed', reason };
  };

  // A newer comparison overtakes an older one that is still trying.
  const compareUntilOpen = async (): Promise<void> => {
    comparison += 1;
    const own = comparison;
    for (let attempt = 0; own === comparison && !ended.signal.aborted; attempt += 1) {
      const found = await compare(options).catch(
        (error: unknown): GateState => ({ kind: 'closed', reason: messageOf(error) }),
      );
      if (own !== comparison) return;
      if (found.kind === 'open') {
        logger.info({ epoch: found.epoch }, 'gate open');
        state = found;
        return;
      }
      if (state.kind === 'open' || state.reason !== found.reason)
        logger.warn(found, 'gate stays closed');
      state = found;
      await pause(backoffMs(RETRY, attempt), ended.signal);
    }
  };

  const recheck = (reason: string): void => {
    if (state.kind === 'closed') return;
    shut(reason);
    void compareUntilOpen();
  };

  redis.on('close', () => {
    // What was found out on the lost connection says nothing about the next one.
    comparison += 1;
    shut('Redis connection lost');
  });
  redis.on('ready', () => void compareUntilOpen());
  if (redis.status === 'ready') void compareUntilOpen();

  return {
    state: () => state,
    recheck,
    sawClaim: (claim) => {
      if (state.kind === 'open' && claim !== null && claim > state.epoch) {
        recheck('a newer epoch is claimed');
      }
    },
    close: () => ended.abort(),
  };
}

async function compare(options: {
  redis: Redis;
  keys: RedisKeys;
  newestClaim: NewestClaim;
}): Promise<GateState> {
  const { redis, keys } = options;
  const [replication, gate] = await Promise.all([
    redis.info('replication'),
    redis.hgetall(keys.gate),
  ]);
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(\\S+)`, 'm').exec(replication)?.[1];
  if (field('role') !== 'master') return { kind: 'closed', reason: 'this Redis is not a master' };
  if (gate.epoch === undefined) return { kind: 'closed', reason: 'no gate in Redis' };
  if (gate.replicationId !== field('master_replid')) {
    return { kind: 'closed', reason: 'this Redis is not the one that the gate was opened on' };
  }
  const epoch = Number(gate.epoch);
  if ((await options.newestClaim()) !== epoch) {
    return { kind: 'closed', reason: 'the gate is not of the newest epoch claimed' };
  }
  return { kind: 'open', epoch };
}
