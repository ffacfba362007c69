// Redis from the log: after a loss, a failover, a restart, and at the very first start, when the log
// is empty. The order is everything (docs/guarantees.md P11 to P19):
//   lock -> wait out the lag -> claim -> close -> every marker acknowledged -> fold -> write -> gate
import type { Redis } from 'ioredis';
import type { Kafka } from 'kafkajs';
import { formatPartitions } from '../contracts/partitions.ts';
import type { RedisKeys } from '../contracts/redis-keys.ts';
import type { EventCodec } from '../platform/avro/event-codec.ts';
import { pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import { redisUnavailable } from '../platform/redis.ts';
import { claimEpoch, eventPartitions, type Log, markLog, newestClaimOf } from './claim-epoch.ts';
import { closeRedis } from './close-coupons.ts';
import { foldLog } from './fold/fold-log.ts';
import { lostAttempt, type RebuildLock, takeLock } from './lock.ts';
import { countPartitions, demandEveryPartition } from './partitions.ts';
import { loadSnapshot } from './snapshot/load-snapshot.ts';
import { writeCoupons } from './write-coupons.ts';

export type RebuildOptions = {
  kafka: Kafka;
  codec: EventCodec;
  redis: Redis;
  keys: RedisKeys;
  topicPrefix: string;
  /** How long an isolated old master may still take writes: Redis' min-replicas-max-lag; 0 without replicas. */
  lagMs: number;
  /** How long an Idempotency-Key of an assignment is remembered, from the assignment on. */
  idempotencyTtlMs: number;
  /** Asked once the lock is held; false: somebody else was quicker. Left out: rebuild in any case. */
  isNeeded?: () => Promise<boolean>;
  /** Gets a line for each part that is done, and about one a second in between. */
  report?: (line: string) => void;
  /** Ends the attempt early; the signal's reason is thrown. */
  signal?: AbortSignal;
};

/** Milliseconds by part; `read` is without the time that `fold` took. */
type RebuildParts = Record<
  'wait' | 'claim' | 'close' | 'mark' | 'load' | 'read' | 'fold' | 'write' | 'gate' | 'total',
  number
>;

export type RebuildResult =
  | {
      kind: 'rebuilt';
      epoch: number;
      coupons: number;
      assignments: number;
      /** Records of the log: all, those of an epoch that was over, those that nobody can read. */
      records: number;
      fenced: number;
      unreadable: number;
      /** The snapshot that stood for so many of `records`; null when every one was read. */
      snapshot: { snapshotId: string; records: number } | null;
      /** Ids of coupons that have assignments but no creation in the log: a whole log has none. */
      uncreated: string[];
      parts: RebuildParts;
    }
  | { kind: 'held-by-another' }
  | { kind: 'not-needed' }
  /** Lock, master or epoch were lost on the way. Another attempt makes its own claim. */
  | { kind: 'lost'; reason: string };

/**
 * One attempt to rebuild Redis from the log and to open its gate for a new epoch. An attempt that
 * ends early, in whatever way, leaves the gate closed; the lock of a process that dies expires.
 * @throws AppError KAFKA_UNAVAILABLE, REDIS_UNAVAILABLE (both retriable), TOPIC_MISMATCH when the
 * log has lost its first records
 */
export async function rebuildRedis(options: RebuildOptions): Promise<RebuildResult> {
  const taken = await takeLock(options.redis, options.keys);
  if (taken.kind === 'held') return { kind: 'held-by-another' };
  if (taken.kind === 'not-master') return { kind: 'lost', reason: 'this Redis is not a master' };
  const { lock } = taken;
  const signals = [lock.lost, ...(options.signal === undefined ? [] : [options.signal])];
  try {
    return await rebuildUnderLock(options, lock, AbortSignal.any(signals));
  } catch (error) {
    if (error instanceof AppError && error.code === 'EPOCH_CLOSED') {
      return { kind: 'lost', reason: error.message };
    }
    throw error;
  } finally {
    await lock.release();
  }
}

async function rebuildUnderLock(
  options: RebuildOptions,
  lock: RebuildLock,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const { redis, keys, lagMs, idempotencyTtlMs, report = () => undefined } = options;
  const log: Log = options;
  const locked = { redis, keys, lock };
  if (options.isNeeded !== undefined && !(await options.isNeeded())) return { kind: 'not-needed' };
  const watch = startWatch();

  report(lagMs > 0 ? `locked; waiting ${lagMs} ms for an old master to stop` : 'locked');
  await pause(lagMs, signal);
  signal.throwIfAborted();
  // A log that can't be read whole is found out before anything is closed.
  const places = await eventPartitions(log);
  const partitions = countPartitions(places);
  await lock.renew();
  watch.lap('wait');

  const epoch = await claimEpoch(log, partitions, await clockOf(redis));
  report(`claimed epoch ${epoch}`);
  await demandEveryPartition(log, epoch, partitions);
  watch.lap('claim');

  const closed = await closeRedis(locked, epoch);
  report(`closed ${closed.size} coupons`);
  watch.lap('close');

  const markers = await markLog(log, places, epoch, await clockOf(redis), signal, report);
  report(`marked ${markers.length} partitions`);
  watch.lap('mark');

  // Not beyond the own marker, which is to be met.
  const stretches = markers.map((marker) => ({ ...marker, to: marker.offset }));
  const folded = await loadSnapshot(log, { stretches, epoch }, signal, report);
  watch.lap('load');

  const foldMs = await foldLog(log, epoch, markers, folded, signal, report);
  const { records, fenced, unreadable, snapshot } = folded;
  report(
    `read ${records - (snapshot?.records ?? 0)} records: ${fenced} fenced, ${unreadable} unreadable`,
  );
  watch.lap('read');

  const times = { epoch, nowMs: await clockOf(redis), idempotencyTtlMs };
  const written = await writeCoupons(locked, folded, closed, times, report);
  report(`wrote ${written.coupons} coupons with ${written.assignments} assignments`);
  watch.lap('write');

  const newest = await newestClaimOf(log);
  if (newest !== epoch) throw lostAttempt(`epoch ${newest} was claimed meanwhile`);
  await lock.run('open-gate', epoch, [], [formatPartitions(partitions)]);
  watch.lap('gate');

  const counts = { records, fenced, unreadable, snapshot };
  return { kind: 'rebuilt', epoch, ...written, ...counts, parts: watch.parts(foldMs) };
}

type Lap = Exclude<keyof RebuildParts, 'fold' | 'total'>;

function startWatch() {
  const laps: Record<Lap, number> = {
    wait: 0,
    claim: 0,
    close: 0,
    mark: 0,
    load: 0,
    read: 0,
    write: 0,
    gate: 0,
  };
  const startedMs = performance.now();
  let lapMs = startedMs;
  return {
    lap: (part: Lap): void => {
      const nowMs = performance.now();
      laps[part] = nowMs - lapMs;
      lapMs = nowMs;
    },
    parts: (foldMs: number): RebuildParts => ({
      ...laps,
      read: laps.read - foldMs,
      fold: foldMs,
      total: lapMs - startedMs,
    }),
  };
}

async function clockOf(redis: Redis): Promise<number> {
  try {
    const [seconds, microseconds] = await redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  } catch (cause) {
    throw redisUnavailable(cause);
  }
}
