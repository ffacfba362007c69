// May this process decide, and in which epoch? Compared with the Redis that was reached, again at
// every connection (docs/guarantees.md P8), and whenever a script found the epochs to differ.
import type { Redis } from 'ioredis';
import { type Partitions, parsePartitions } from '../../contracts/partitions.ts';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { readReplication } from '../../platform/redis.ts';
import type { NewestClaim } from './newest-claim.ts';
import { createRebuilder, type Rebuild } from './rebuild-runner.ts';

/** What the gate of an epoch says. */
export type OpenEpoch = {
  epoch: number;
  /** Of the master that it was opened on: nowhere else may be decided in this epoch. */
  replicationId: string;
  /** Those that it was opened for: nowhere else do events of this epoch count. */
  partitions: Partitions;
};

export type GateState = ({ kind: 'open' } & OpenEpoch) | { kind: 'closed'; reason: string };

/** A coupon that a script of `epoch` found closed: the gate, or the coupon itself, is of another one. */
export type Suspect = { couponId: string; epoch: number };

export type Gate = {
  state(): GateState;
  /** What the gate was last open for, also while it is closed; null before it was open. */
  lastOpen(): OpenEpoch | null;
  /** Closes the gate and compares again: something was found that contradicts it. */
  recheck(reason: string): void;
  /** Closes the gate and compares again, with this coupon (docs/guarantees.md P9). */
  suspect(suspect: Suspect): void;
  /** Closes the gate when this claim is newer than its epoch (docs/guarantees.md P2, P9). */
  sawClaim(claim: number | null): void;
  /** Compares no more, and ends a rebuild that is on its way. */
  close(): Promise<void>;
};

type GateOptions = {
  redis: Redis;
  keys: RedisKeys;
  newestClaim: NewestClaim;
  /** Left out: the gate waits until another process has rebuilt Redis. */
  rebuild?: Rebuild;
  logger: Logger;
};

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 1_000 };
/** A loss of Redis is noticed within this time even when nobody asks for anything. */
const WATCH_MS = 1_000;

/** A gate that is closed until it has been compared for the first time; it follows reconnects by itself. */
export function createGate(options: GateOptions): Gate {
  const { redis, logger } = options;
  const ended = new AbortController();
  const suspects = new Map<string, number>();
  let state: GateState = { kind: 'closed', reason: 'not compared yet' };
  let lastOpen: OpenEpoch | null = null;
  let comparison = 0;

  const shut = (reason: string): void => {
    if (state.kind === 'open') logger.warn({ reason }, 'gate closed');
    state = { kind: 'closed', reason };
  };

  const show = (found: Comparison): void => {
    if (found.kind === 'open') {
      const { kind: _kind, ...open } = found;
      const { epoch, partitions } = open;
      if (state.kind === 'closed') logger.info({ epoch, partitions }, 'gate open');
      state = found;
      lastOpen = open;
      suspects.clear();
      return;
    }
    // What could not be compared contradicts nothing: an open gate stays open, the claim check holds.
    if (found.kind === 'unreachable' && state.kind === 'open') return;
    if (found.kind === 'rebuild') rebuilder?.start(found.reason, isRebuildNeeded);
    if (state.kind === 'closed' && state.reason !== found.reason) {
      logger.warn({ reason: found.reason }, 'gate stays closed');
    }
    shut(found.reason);
  };

  // A newer comparison overtakes an older one that is still trying.
  const follow = async (): Promise<void> => {
    comparison += 1;
    const own = comparison;
    const isCurrent = (): boolean => own === comparison && !ended.signal.aborted;
    for (let attempt = 0; isCurrent(); ) {
      const found = await compare(options, suspects);
      if (!isCurrent()) return;
      show(found);
      const waitMs = found.kind === 'open' ? WATCH_MS : backoffMs(RETRY, attempt);
      attempt = found.kind === 'open' ? 0 : attempt + 1;
      await pause(waitMs, ended.signal);
    }
  };

  const isRebuildNeeded = async (): Promise<boolean> => {
    const found = await compare(options, suspects);
    return found.kind === 'rebuild';
  };

  const rebuilder =
    options.rebuild === undefined
      ? undefined
      : createRebuilder({ rebuild: options.rebuild, onRebuilt: () => void follow(), logger });

  const recheck = (reason: string): void => {
    if (state.kind === 'closed') return;
    shut(reason);
    void follow();
  };

  redis.on('close', () => {
    // What was found out on the lost connection says nothing about the next one.
    comparison += 1;
    shut('Redis connection lost');
  });
  redis.on('ready', () => void follow());
  if (redis.status === 'ready') void follow();

  return {
    state: () => {
      const progress = rebuilder?.progress() ?? null;
      return state.kind === 'open' || progress === null
        ? state
        : { kind: 'closed', reason: `Redis is being rebuilt: ${progress}` };
    },
    lastOpen: () => lastOpen,
    recheck,
    suspect: ({ couponId, epoch }) => {
      suspects.set(couponId, epoch);
      recheck('a script found another epoch');
    },
    sawClaim: (claim) => {
      if (state.kind === 'open' && claim !== null && claim > state.epoch) {
        recheck('a newer epoch is claimed');
      }
    },
    close: async () => {
      ended.abort();
      await rebuilder?.close();
    },
  };
}

type Comparison =
  | ({ kind: 'open' } & OpenEpoch)
  /** This Redis may not decide, but no rebuild can change that. */
  | { kind: 'closed'; reason: string }
  /** A new epoch is needed (docs/guarantees.md P9). */
  | { kind: 'rebuild'; reason: string }
  /** Redis or the log did not answer. */
  | { kind: 'unreachable'; reason: string };

async function compare(
  { redis, keys, newestClaim }: GateOptions,
  suspects: ReadonlyMap<string, number>,
): Promise<Comparison> {
  try {
    const [{ isMaster, replicationId }, gate] = await Promise.all([
      readReplication(redis),
      redis.hgetall(keys.gate),
    ]);
    if (!isMaster) return { kind: 'closed', reason: 'this Redis is not a master' };
    // Before anything is called for: without the log there is no rebuild.
    const claim = await newestClaim();
    if (gate.epoch === undefined) return { kind: 'rebuild', reason: 'no gate in Redis' };
    if (gate.replicationId !== replicationId) {
      return {
        kind: 'rebuild',
        reason: 'this Redis is not the one that the gate was opened on',
      };
    }
    if (claim !== Number(gate.epoch)) {
      return { kind: 'rebuild', reason: 'the gate is not of the newest epoch claimed' };
    }
    const partitions = parsePartitions(gate.partitions ?? '');
    if (partitions === null) {
      return { kind: 'rebuild', reason: 'the gate does not say which partitions it is open for' };
    }
    for (const [couponId, epoch] of suspects) {
      if (`${epoch}` !== gate.epoch) continue;
      if ((await redis.hget(keys.coupon(couponId), 'epoch')) !== gate.epoch) {
        return { kind: 'rebuild', reason: `coupon ${couponId} is not of the gate's epoch` };
      }
    }
    return { kind: 'open', epoch: Number(gate.epoch), replicationId, partitions };
  } catch (error) {
    return { kind: 'unreachable', reason: messageOf(error) };
  }
}
