// Whether the log still has its first records, or a snapshot that stands for those that it lost. Without
// either, no rebuild can know what was handed out.
import type { SnapshotCompleted } from '../contracts/snapshot.ts';
import { EPOCHS_TOPIC, EVENT_TOPICS } from '../contracts/topics.ts';
import type { Assumption } from '../platform/assumptions.ts';
import { withAdmin } from '../platform/kafka/admin.ts';
import type { LogRange } from '../platform/kafka/record.ts';
import type { Log } from './log.ts';
import { listSnapshots } from './snapshot/snapshot-list.ts';

/** Less than a look may take. */
const SNAPSHOTS_LIMIT_MS = 8_000;

/**
 * What of the log is lost: of the events, what no one of the snapshots covers; of the claims, only all
 * of them, since each names every partition that was named before.
 * @param log ranges of the event topics and of the claims, by their logical names
 * @returns one sentence each; none when nothing is lost
 */
export function findLostRecords(
  log: readonly LogRange[],
  snapshots: readonly Pick<SnapshotCompleted, 'partitions'>[],
): string[] {
  const cut = log.filter(({ topic, from }) => topic !== EPOCHS_TOPIC && from > 0n);
  const isCovered = snapshots.some((snapshot) => cut.every((range) => covers(snapshot, range)));
  const claims = log.find(({ topic }) => topic === EPOCHS_TOPIC);
  return [
    ...(isCovered ? [] : cut).map(
      ({ topic, partition, from }) =>
        `${topic}/${partition} begins at ${from}, and no snapshot covers what was before`,
    ),
    ...(claims !== undefined && claims.from > 0n && claims.from === claims.to
      ? [`${EPOCHS_TOPIC} has no claim any more; firstcome rebuild-redis makes one`]
      : []),
  ];
}

// It may end exactly where the log begins, as for a rebuild (snapshot/snapshot-list.ts).
function covers(
  { partitions }: Pick<SnapshotCompleted, 'partitions'>,
  { topic, partition, from }: LogRange,
): boolean {
  const known = partitions.find((one) => one.topic === topic && one.partition === partition);
  return known !== undefined && BigInt(known.next) >= from;
}

/**
 * As `findLostRecords`, of the log as it is. Snapshots are read only when records are gone.
 * @throws AppError KAFKA_UNAVAILABLE, REGISTRY_UNAVAILABLE (both retriable)
 */
export async function readLostRecords(log: Log): Promise<string[]> {
  const ranges = await withAdmin(log.kafka, async (admin) => {
    const found: LogRange[] = [];
    for (const topic of [...EVENT_TOPICS, EPOCHS_TOPIC]) {
      const ofTopic = await admin.rangesOf(log.topicPrefix + topic);
      found.push(...ofTopic.map((range) => ({ ...range, topic })));
    }
    return found;
  });
  if (findLostRecords(ranges, []).length === 0) return [];
  const snapshots = await listSnapshots(log, AbortSignal.timeout(SNAPSHOTS_LIMIT_MS));
  return findLostRecords(
    ranges,
    snapshots.map(({ completed }) => completed),
  );
}

/** Broken when the log has lost records that no snapshot stands for. */
export function logStartAssumption(log: Log): Assumption {
  return {
    name: 'log-start',
    severity: 'closes',
    look: async () => {
      const lost = await readLostRecords(log);
      return lost.length === 0 ? { kind: 'holds' } : { kind: 'broken', reason: lost.join('; ') };
    },
  };
}
