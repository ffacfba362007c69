// One rebuilder at a time, and every one of its writes fenced by the lock and the master it was
// taken on (docs/guarantees.md P11, P17).
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../contracts/redis-keys.ts';
import { AppError } from '../platform/errors.ts';
import { createScript, type Script } from '../platform/redis.ts';

/** How long the lock of a rebuilder that died keeps the others out. */
const LIFETIME_MS = 10_000;
const RENEW_MS = 2_000;
/** How often the release of a lock is tried again while Redis is away. */
const RELEASE_RETRY_MS = 100;

/** What a rebuild may do to Redis; step.lua says what each does. */
export type Step =
  | 'close-gate'
  | 'close-coupons'
  | 'write-assignments'
  | 'write-coupon'
  | 'drop-coupon'
  | 'open-gate';

/** The lock while it is held; it is renewed in the background until it is released. */
export type RebuildLock = {
  /** Aborts when the lock or the master is found lost; the reason is what `run` would throw. */
  lost: AbortSignal;
  /**
   * Runs a step in Redis.
   * @param keys what the step touches beside lock and gate
   * @throws AppError EPOCH_CLOSED when the lock, the master or the epoch is lost: nothing was
   * changed; REDIS_UNAVAILABLE (retriable) when the outcome is not known
   */
  run(step: Step, epoch: number, keys: string[], args: (string | number)[]): Promise<void>;
  /**
   * Extends the lifetime of the lock, now.
   * @throws as `run`
   */
  renew(): Promise<void>;
  /**
   * Releases the lock if this rebuilder still holds it. While Redis is away it tries on in the background
   * until the lock has expired: a Redis that comes back with it would keep every rebuilder out. Never throws.
   */
  release(): Promise<void>;
};

export type LockAttempt =
  | { kind: 'acquired'; lock: RebuildLock }
  | { kind: 'held' }
  | { kind: 'not-master' };

/**
 * Tries once to acquire the lock, with a token that was never used before.
 * @throws AppError REDIS_UNAVAILABLE (retriable)
 */
export async function acquireLock(redis: Redis, keys: RedisKeys): Promise<LockAttempt> {
  const token = randomUUID();
  const acquire = createScript(redis, new URL('./acquire-lock.lua', import.meta.url));
  const answer = await acquire([keys.rebuildLock], [token, LIFETIME_MS]).catch((error: unknown) => {
    // It may have been acquired all the same.
    void releaseLock(redis, keys, token);
    throw error;
  });
  const [kind, replicationId = ''] = answer as string[];
  if (kind !== 'acquired') return { kind: kind === 'held' ? 'held' : 'not-master' };
  return { kind: 'acquired', lock: holdLock(redis, keys, token, replicationId) };
}

/** The failure of an attempt whose lock, master or epoch is lost: another attempt may succeed. */
export function lostAttempt(reason: string): AppError {
  return new AppError('EPOCH_CLOSED', reason, { retriable: true });
}

function holdLock(
  redis: Redis,
  keys: RedisKeys,
  token: string,
  replicationId: string,
): RebuildLock {
  const script = createScript(redis, new URL('./step.lua', import.meta.url));
  const lost = new AbortController();

  const send = async (touched: string[], args: (string | number)[]): Promise<void> => {
    const [kind, reason] = (await script(
      [keys.rebuildLock, keys.gate, ...touched],
      [token, replicationId, ...args],
    )) as string[];
    if (kind === 'done') return;
    const failure = lostAttempt(reason ?? 'lost');
    lost.abort(failure);
    throw failure;
  };

  const renew = (): Promise<void> => send([], ['', 'renew', LIFETIME_MS]);

  const timer = setInterval(() => {
    // While Redis is away the steps of the rebuild fail and report it; there is nothing to add here.
    renew().catch(() => undefined);
  }, RENEW_MS);

  return {
    lost: lost.signal,
    run: (step, epoch, touched, args) => send(touched, [epoch, step, ...args]),
    renew,
    release: async () => {
      clearInterval(timer);
      await releaseLock(redis, keys, token);
    },
  };
}

/** Tries it once, and when that fails, again in the background until the lock has expired. Never throws. */
async function releaseLock(redis: Redis, keys: RedisKeys, token: string): Promise<void> {
  const release: Script = createScript(redis, new URL('./release-lock.lua', import.meta.url));
  const tryRelease = (): Promise<boolean> =>
    release([keys.rebuildLock], [token]).then(
      () => true,
      () => false,
    );
  const retry = async (): Promise<void> => {
    const until = performance.now() + LIFETIME_MS;
    // Without a reference: this alone keeps no process alive.
    do await wait(RELEASE_RETRY_MS, undefined, { ref: false });
    while (!(await tryRelease()) && performance.now() < until);
  };
  if (!(await tryRelease())) void retry();
}
