// May this process decide, and in which epoch? Compared with the Redis that was reached, again at
// every connection (docs/guarantees.md P8), and whenever a script found the epochs to differ.
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import { type Backoff, backoffMs, pause } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/logger.ts';
import type { CouponInEpoch } from '../write-model/run-script.ts';
import { compareGate, type OpenEpoch } from './compare-gate.ts';
import { createGateStatus, type GateState } from './gate-status.ts';
import type { NewestClaim } from './newest-claim.ts';
import { createRebuilder, type Rebuild } from './rebuild-runner.ts';

export type Gate = {
  state(): GateState;
  /** What the gate was last open for, also while it is closed; null before it was open. */
  lastOpen(): OpenEpoch | null;
  /** Closes the gate and compares again, because of `reason`. */
  recheck(reason: string): void;
  /**
   * A script found this coupon, or the gate, to be of another epoch than it was given: closes the gate
   * and compares again, this coupon included (docs/guarantees.md P9).
   */
  reportClosed(coupon: CouponInEpoch): void;
  /**
   * Reads the newest claim, and closes the gate when it is newer than the gate's epoch
   * (docs/guarantees.md P2, P9).
   * @returns the newest claim; null when there was never one
   * @throws AppError KAFKA_UNAVAILABLE (retriable) when the log does not say
   */
  checkClaim: NewestClaim;
  /** Ends comparing, and a rebuild that is on its way. */
  close(): Promise<void>;
};

type GateOptions = {
  redis: Redis;
  keys: RedisKeys;
  newestClaim: NewestClaim;
  /** The assumption that is broken, and keeps the gate closed; null when all hold. */
  brokenAssumption: () => string | null;
  /** Left out: the gate waits until another process has rebuilt Redis. */
  rebuild?: Rebuild | undefined;
  logger: Logger;
};

const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 1_000 };
/** A loss of Redis is noticed within this time even when nobody asks for anything. */
const WATCH_MS = 1_000;

/** A gate that is closed until it has been compared for the first time; it follows reconnects by itself. */
export function createGate(options: GateOptions): Gate {
  const closedCoupons = new Map<string, number>();
  const status = createGateStatus(options.logger);
  const isRebuildNeeded = async (): Promise<boolean> =>
    (await compareGate(options, closedCoupons)).kind === 'rebuild';
  const comparing = createComparing(options.redis, status.shut, async () => {
    const found = await compareGate(options, closedCoupons);
    return () => {
      if (found.kind === 'open') closedCoupons.clear();
      if (found.kind === 'open') rebuilder?.forgetUnreadable();
      if (found.kind === 'rebuild') rebuilder?.start(found.reason, isRebuildNeeded);
      status.show(found);
      return found.kind === 'open';
    };
  });
  const rebuilder =
    options.rebuild === undefined
      ? undefined
      : createRebuilder({
          rebuild: options.rebuild,
          onRebuilt: comparing.restart,
          logger: options.logger,
        });
  const recheck = (reason: string): void => {
    if (status.state().kind === 'closed') return;
    status.shut(reason);
    comparing.restart();
  };
  comparing.restartIfConnected();

  return {
    state: () => {
      const state = status.state();
      if (state.kind === 'open') return state;
      const unreadable = rebuilder?.unreadable() ?? null;
      if (unreadable !== null) {
        return { kind: 'closed', reason: `Redis can't be rebuilt: ${unreadable}` };
      }
      const progress = rebuilder?.progress() ?? null;
      return progress === null
        ? state
        : { kind: 'closed', reason: `Redis is being rebuilt: ${progress}` };
    },
    lastOpen: status.lastOpen,
    recheck,
    reportClosed: ({ couponId, epoch }) => {
      closedCoupons.set(couponId, epoch);
      recheck('a script found another epoch');
    },
    checkClaim: async () => {
      const claim = await options.newestClaim();
      const state = status.state();
      if (state.kind === 'open' && claim !== null && claim > state.epoch) {
        recheck('a newer epoch is claimed');
      }
      return claim;
    },
    close: async () => {
      comparing.end();
      await rebuilder?.close();
    },
  };
}

/**
 * Compares at every connection, and over and over: once a second while the gate is open, by a backoff
 * while it is not. A newer comparison overtakes an older one that is still on its way.
 * @param compare what it gives takes the result over, unless overtaken, and says whether the gate is open
 */
function createComparing(
  redis: Redis,
  shut: (reason: string) => void,
  compare: () => Promise<() => boolean>,
) {
  const ended = new AbortController();
  let comparison = 0;
  const follow = async (): Promise<void> => {
    comparison += 1;
    const own = comparison;
    const isCurrent = (): boolean => own === comparison && !ended.signal.aborted;
    for (let attempt = 0; isCurrent(); ) {
      const takeOver = await compare();
      if (!isCurrent()) return;
      const isOpen = takeOver();
      const waitMs = isOpen ? WATCH_MS : backoffMs(RETRY, attempt);
      attempt = isOpen ? 0 : attempt + 1;
      await pause(waitMs, ended.signal);
    }
  };
  const restart = (): void => void follow();
  redis.on('close', () => {
    // What was found out on the lost connection says nothing about the next one.
    comparison += 1;
    shut('Redis connection lost');
  });
  redis.on('ready', restart);
  return {
    restart,
    restartIfConnected: () => {
      if (redis.status === 'ready') restart();
    },
    end: () => ended.abort(),
  };
}
