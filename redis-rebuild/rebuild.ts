// Rebuilds Redis from the log: after a loss, a failover or a restart, and at the very first start, when
// the log is empty. The order of the steps is what makes it safe (docs/guarantees.md P11 to P19):
//   lock -> read ahead -> wait out the lag -> claim -> close -> every marker acknowledged -> fold -> write -> gate
// Reading ahead is as a snapshot taken now; a log that can't be read whole ends the attempt before the claim.
import type { Redis } from 'ioredis';
import type { Discards } from '../contracts/discard.ts';
import { formatPartitions } from '../contracts/partitions.ts';
import type { RedisKeys } from '../contracts/redis-keys.ts';
import type { EventCodec } from '../platform/avro/event-codec.ts';
import { pause } from '../platform/backoff.ts';
import { AppError } from '../platform/errors.ts';
import type { KafkaClient } from '../platform/kafka/client.ts';
import { redisUnavailable } from '../platform/redis.ts';
import { readRedisServer, redisServerFault } from '../platform/redis-server.ts';
import { claimEpoch, type Marker, markLog } from './claim-epoch.ts';
import { closeRedis, type LockedRedis } from './close-coupons.ts';
import { readDiscards } from './discards.ts';
import type { LogFold } from './fold/fold.ts';
import { foldToMarkers } from './fold/fold-to-markers.ts';
import { addUnknownPartitions, type ReadAhead, readAhead } from './fold/read-ahead.ts';
import { acquireLock, lostAttempt, type RebuildLock } from './lock.ts';
import { type EventPartition, type Log, listEventPartitions, readNewestClaim } from './log.ts';
import { countPartitions, demandEveryPartition } from './partitions.ts';
import {
  type FoldTimes,
  type RebuildTimes,
  type RebuildWatch,
  startRebuildWatch,
} from './rebuild-times.ts';
import { type WrittenState, writeCoupons } from './write-coupons.ts';

export type RebuildOptions = {
  kafka: KafkaClient;
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

export type RebuildResult =
  | {
      kind: 'rebuilt';
      epoch: number;
      coupons: number;
      assignments: number;
      /** Records of the log: all, those of an epoch that was over, those that an operator discarded. */
      records: number;
      fenced: number;
      discarded: number;
      /** The snapshot that stood for so many of `records`; null when every one was read. */
      snapshot: { snapshotId: string; records: number } | null;
      /** Ids of coupons that have assignments but no creation in the log: a whole log has none. */
      uncreated: string[];
      parts: RebuildTimes;
    }
  | { kind: 'held-by-another' }
  | { kind: 'not-needed' }
  /**
   * Lock, master or epoch were lost on the way, or keys that Redis evicted; or Redis is not set up as it
   * has to be. Another attempt makes its own claim.
   */
  | { kind: 'lost'; reason: string };

/**
 * One attempt to rebuild Redis from the log and to open its gate for a new epoch. An attempt that
 * ends early, in whatever way, leaves the gate closed; the lock of a process that dies expires.
 * @throws AppError KAFKA_UNAVAILABLE, REDIS_UNAVAILABLE (both retriable), TOPIC_MISMATCH when the
 * log has lost its first records and no snapshot stands for them, RECORD_UNREADABLE when it holds a
 * record that can't be read and was not discarded
 */
export async function rebuildRedis(options: RebuildOptions): Promise<RebuildResult> {
  await stepAsideIfTooOld(options);
  const lockAttempt = await acquireLock(options.redis, options.keys);
  if (lockAttempt.kind === 'held') return { kind: 'held-by-another' };
  if (lockAttempt.kind === 'not-master')
    return { kind: 'lost', reason: 'this Redis is not a master' };
  const { lock } = lockAttempt;
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

/**
 * With a schema pinned that this version can't read, the log is read before the lock is asked for: a process
 * that is too old for the log must not take the lock again and again from one that is not.
 */
async function stepAsideIfTooOld(options: RebuildOptions): Promise<void> {
  if (!(await options.codec.isTooOld())) return;
  const { signal = new AbortController().signal, report = () => undefined } = options;
  report('newer schemas are pinned: the log is read before the lock');
  await readAhead(options, await readDiscards(options, signal), signal, report);
}

/** What every step of an attempt works with. */
type Attempt = {
  options: RebuildOptions;
  log: Log;
  discards: Discards;
  locked: LockedRedis;
  signal: AbortSignal;
  report: (line: string) => void;
  watch: RebuildWatch;
};

async function rebuildUnderLock(
  options: RebuildOptions,
  lock: RebuildLock,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const { redis, keys, lagMs, report = () => undefined } = options;
  if (options.isNeeded !== undefined && !(await options.isNeeded())) return { kind: 'not-needed' };
  const fault = redisServerFault(await askRedis(readRedisServer(redis)));
  if (fault !== null) throw lostAttempt(fault);
  const watch = startRebuildWatch();
  const locked = { redis, keys, lock };
  report('locked');
  const discards = await readDiscards(options, signal);
  const attempt: Attempt = { options, log: options, discards, locked, signal, report, watch };
  const ahead = await readAhead(options, discards, signal, report);
  watch.lap('ahead');

  if (lagMs > 0) report(`waiting ${lagMs} ms for an old master to stop`);
  await pause(lagMs, signal);
  signal.throwIfAborted();
  // Before anything is closed: claims and partitions that are not whole end the attempt here, too.
  const listed = await listEventPartitions(options);
  const partitions = countPartitions(listed);
  await demandEveryPartition(options, discards, null, partitions);
  await lock.renew();
  watch.lap('wait');

  const epoch = await claimEpoch(options, partitions, await clockOf(redis));
  report(`claimed epoch ${epoch}`);
  await demandEveryPartition(options, discards, epoch, partitions);
  watch.lap('claim');

  const { closed, markers } = await closeAndMark(attempt, epoch, listed);
  const { fold, foldMs } = await readMarkedLog(attempt, epoch, markers, ahead);
  const written = await writeFold(attempt, epoch, fold, closed);

  const newest = await readNewestClaim(options);
  if (newest !== epoch) throw lostAttempt(`epoch ${newest} was claimed meanwhile`);
  await lock.run('open-gate', epoch, [], [formatPartitions(partitions)]);
  watch.lap('gate');

  const { records, fenced, discarded, snapshot } = fold;
  const counts = { records, fenced, discarded, snapshot };
  return { kind: 'rebuilt', epoch, ...written, ...counts, parts: watch.times(foldMs) };
}

/** @returns the ids of the coupons that Redis knew, all closed now, and a marker in each partition */
async function closeAndMark(
  { log, locked, signal, report, watch }: Attempt,
  epoch: number,
  listed: readonly EventPartition[],
): Promise<{ closed: Set<string>; markers: Marker[] }> {
  const closed = await closeRedis(locked, epoch);
  report(`closed ${closed.size} coupons`);
  watch.lap('close');

  const markers = await markLog(log, listed, epoch, await clockOf(locked.redis), signal, report);
  report(`marked ${markers.length} partitions`);
  watch.lap('mark');
  return { closed, markers };
}

/**
 * Reads on from what was read ahead.
 * @returns what the log says up to the markers; of the time for reading it, how much folding took
 */
async function readMarkedLog(
  { log, discards, signal, report, watch }: Attempt,
  epoch: number,
  markers: readonly Marker[],
  { fold, foldMs: ahead }: ReadAhead,
): Promise<{ fold: LogFold; foldMs: FoldTimes }> {
  addUnknownPartitions(fold, markers);
  const before = fold.records;
  const read = await foldToMarkers(log, { epoch, markers, discards }, fold, signal, report);
  const { records, fenced, discarded } = fold;
  report(
    `read to the markers: ${records - before} records; in all ${fenced} fenced, ${discarded} discarded`,
  );
  watch.lap('read');
  return { fold, foldMs: { ahead, read } };
}

async function writeFold(
  { options, locked, report, watch }: Attempt,
  epoch: number,
  fold: LogFold,
  closed: ReadonlySet<string>,
): Promise<WrittenState> {
  const { idempotencyTtlMs } = options;
  const times = { epoch, nowMs: await clockOf(locked.redis), idempotencyTtlMs };
  const written = await writeCoupons(locked, fold, closed, times, report);
  report(`wrote ${written.coupons} coupons with ${written.assignments} assignments`);
  watch.lap('write');
  return written;
}

async function clockOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await askRedis(redis.time());
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

function askRedis<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: unknown) => {
    throw redisUnavailable(cause);
  });
}
