// Reading ranges of the log once, without a consumer group: nothing has to be joined first, and nothing
// is left behind on the brokers. For tools, checks and rebuilds. docs/adr/0015.
import { type Backoff, backoffMs, pause } from '../backoff.ts';
import { withDeadline } from '../deadline.ts';
import { AppError, messageOf } from '../errors.ts';
import { disconnectSoon, type KafkaClient, siblingOf } from './client.ts';
import { type Cluster, createCluster, type FetchedBatch, fetchFrom } from './kafkajs-internals.ts';
import { kafkajsOf } from './kafkajs-of.ts';
import { type KafkaRecord, type LogRange, type RecordBatch, toRecordBatch } from './record.ts';

/** Without a record for so long, a reader gives up: the brokers are away, or the offsets are gone. */
const STALL_MS = 30_000;
/** Large fetches: a million small records come in a few hundred batches. */
const FETCH = { maxWaitTime: 200, maxBytesPerPartition: 4_194_304, maxBytes: 33_554_432 };
const RETRY: Backoff = { firstMs: 100, factor: 2, maxMs: 2_000 };
/** So many fetches in a row may fail. */
const MAX_FAILURES = 8;

/** How far a range was read. */
type Cursor = LogRange & { next: bigint };
type Fetched = { nodeId: string; batches: FetchedBatch[] } | { nodeId: string; error: unknown };

/**
 * Every record in these ranges, batch by batch: in order within a partition, the partitions side by
 * side. While a batch is worked on, the next ones are on their way. Each batch of a range begins where
 * the one before it ended, and the last one ends where the range does. Only where records were deleted
 * there is a gap between two batches, or behind the last one.
 * @param signal ends the reading early; the signal's reason is thrown
 * @throws AppError KAFKA_UNAVAILABLE (retriable), also when a batch of the log can't be read
 */
export async function* readBatches(
  client: KafkaClient,
  ranges: readonly LogRange[],
  signal?: AbortSignal,
): AsyncGenerator<RecordBatch, void> {
  signal?.throwIfAborted();
  const left = new Set<Cursor>(
    ranges.filter(({ from, to }) => from < to).map((range) => ({ ...range, next: range.from })),
  );
  if (left.size === 0) return;
  const own = siblingOf(client);
  const cluster = createCluster(kafkajsOf(own));
  const fetches = createFetches(cluster, left);
  const aborted = abortOf(signal);
  try {
    const topics = [...new Set(ranges.map(({ topic }) => topic))];
    await Promise.race([open(cluster, topics), aborted.promise]);
    while (left.size > 0) {
      const batches = await Promise.race([fetches.next(), aborted.promise]);
      for (const batch of batches) {
        yield batch;
        signal?.throwIfAborted();
      }
    }
  } finally {
    aborted.stop();
    fetches.stop();
    await disconnectSoon(cluster);
    own.end();
  }
}

/**
 * Every record in these ranges, one by one; otherwise as `readBatches`.
 * @throws as `readBatches`
 */
export async function* readRecords(
  client: KafkaClient,
  ranges: readonly LogRange[],
  signal?: AbortSignal,
): AsyncGenerator<KafkaRecord, void> {
  for await (const { records } of readBatches(client, ranges, signal)) yield* records;
}

async function open(cluster: Cluster, topics: readonly string[]): Promise<void> {
  try {
    await cluster.connect();
    await cluster.addMultipleTargetTopics(topics);
  } catch (cause) {
    throw noAnswer(messageOf(cause), cause);
  }
}

/** One fetch at each broker that leads a partition of `left`, again and again; moves the cursors. */
function createFetches(cluster: Cluster, left: Set<Cursor>) {
  const running = new Map<string, Promise<Fetched>>();
  let failures = 0;
  let stopped = false;

  const start = (): void => {
    if (stopped) return;
    for (const [nodeId, cursors] of leadersOf(cluster, left)) {
      if (!running.has(nodeId)) running.set(nodeId, fetchAt(cluster, nodeId, cursors));
    }
  };

  const recover = async (error: unknown): Promise<void> => {
    failures += 1;
    if (stopped || failures > MAX_FAILURES) throw noAnswer(messageOf(error), error);
    if (await passOverDeleted(cluster, left, error)) return;
    forgetConnection(cluster, error);
    await pause(backoffMs(RETRY, failures - 1));
    if (!stopped) await cluster.refreshMetadata().catch(() => undefined);
  };

  const fetched = async (leftMs: number): Promise<RecordBatch[]> => {
    start();
    if (running.size === 0) {
      await recover(new Error('a partition is not there, or has no leader'));
      return [];
    }
    const first = Promise.race(running.values());
    const answer = await withDeadline(first, Math.max(leftMs, 1), () =>
      noAnswer(`no record for ${STALL_MS} ms`),
    );
    running.delete(answer.nodeId);
    if ('error' in answer) {
      await recover(answer.error);
      return [];
    }
    failures = 0;
    const found = answer.batches.map(toRecordBatch);
    const batches = found.flatMap((batch) => advance(left, batch));
    const broken = found.find(({ unreadable }) => unreadable !== null);
    // Only when nothing else is left to read: no waiting mends it, but another replica may be sound.
    if (batches.length === 0 && broken !== undefined) {
      throw noAnswer(`${broken.topic}/${broken.partition}: ${broken.unreadable}`);
    }
    // The next fetch goes out before anybody works on what this one brought.
    start();
    return batches;
  };

  return {
    /**
     * The batches of the next fetch that brings any; none when every range was read.
     * @throws AppError KAFKA_UNAVAILABLE (retriable)
     */
    next: async (): Promise<RecordBatch[]> => {
      const untilMs = performance.now() + STALL_MS;
      for (;;) {
        const batches = await fetched(untilMs - performance.now());
        if (batches.length > 0 || left.size === 0) return batches;
      }
    },
    stop: (): void => {
      stopped = true;
    },
  };
}

/** The first range of each partition, by the broker that leads it. */
function leadersOf(cluster: Cluster, left: ReadonlySet<Cursor>): Map<string, Cursor[]> {
  const first = new Map([...left].reverse().map((cursor) => [placeOf(cursor), cursor]));
  const byLeader = new Map<string, Cursor[]>();
  for (const cursor of first.values()) {
    const [leader] = Object.keys(cluster.findLeaderForPartitions(cursor.topic, [cursor.partition]));
    if (leader !== undefined) byLeader.set(leader, [...(byLeader.get(leader) ?? []), cursor]);
  }
  return byLeader;
}

async function fetchAt(
  cluster: Cluster,
  nodeId: string,
  cursors: readonly Cursor[],
): Promise<Fetched> {
  const positions = cursors.map(({ topic, partition, next: offset }) => {
    return { topic, partition, offset };
  });
  try {
    return { nodeId, batches: await fetchFrom(cluster, nodeId, positions, FETCH) };
  } catch (error) {
    return { nodeId, error };
  }
}

/** Moves the cursor behind `batch`. @returns what of the batch is in the range, and new */
function advance(left: Set<Cursor>, batch: RecordBatch): RecordBatch[] {
  const cursor = cursorAt(left, batch.topic, batch.partition);
  // It may be the late answer to a fetch for another range, or for what has come meanwhile.
  if (cursor === undefined || batch.from > cursor.next || batch.to <= cursor.next) return [];
  const { next: from, to: end } = cursor;
  let { to } = batch;
  if (to > end) to = end;
  moveTo(left, cursor, to);
  const records = batch.records.filter(({ offset }) => offset >= from && offset < to);
  return [{ ...batch, from, to, records }];
}

function cursorAt(left: Set<Cursor>, topic: string, partition: number): Cursor | undefined {
  return [...left].find((cursor) => cursor.topic === topic && cursor.partition === partition);
}

function moveTo(left: Set<Cursor>, cursor: Cursor, next: bigint): void {
  if (next > cursor.next) cursor.next = next;
  if (cursor.next >= cursor.to) left.delete(cursor);
}

/** When records were deleted where a cursor stands: moves it to the first that is left. */
async function passOverDeleted(
  cluster: Cluster,
  left: Set<Cursor>,
  error: unknown,
): Promise<boolean> {
  const { name, topic = '', partition = -1 } = error as Partial<LogRange & { name: string }>;
  const cursor = cursorAt(left, topic, partition);
  if (name !== 'KafkaJSOffsetOutOfRange' || cursor === undefined) return false;
  const asked = [{ topic, fromBeginning: true, partitions: [{ partition }] }];
  const [found] = await cluster.fetchTopicsOffset(asked).catch(() => []);
  const first = BigInt(found?.partitions[0]?.offset ?? 0);
  if (first <= cursor.next) return false;
  moveTo(left, cursor, first);
  return true;
}

function forgetConnection(cluster: Cluster, error: unknown): void {
  const { name, host, port } = error as { name?: string; host?: string; port?: number };
  if (name !== 'KafkaJSConnectionClosedError' || host === undefined || port === undefined) return;
  cluster.removeBroker({ host, port });
}

function abortOf(signal: AbortSignal | undefined): { promise: Promise<never>; stop: () => void } {
  const aborted = Promise.withResolvers<never>();
  // It may be rejected while nobody waits for it, and then it must not end the process.
  aborted.promise.catch(() => undefined);
  const abort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener('abort', abort);
  return { promise: aborted.promise, stop: () => signal?.removeEventListener('abort', abort) };
}

function placeOf({ topic, partition }: LogRange): string {
  return `${topic}/${partition}`;
}

function noAnswer(reason: string, cause?: unknown): AppError {
  return new AppError('KAFKA_UNAVAILABLE', `reading the log: ${reason}`, {
    cause,
    retriable: true,
  });
}
