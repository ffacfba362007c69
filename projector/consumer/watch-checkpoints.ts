// Checkpoints never go back, as long as the tables stay the same. Where one is behind what this
// process has applied, other tables were put in the place of those: by a rebuild that was killed in
// the middle of its swap, or from a backup. No new record may come that would reveal it.
import type { Logger } from '../../platform/logger.ts';
import { reasonOf } from '../failures.ts';

/** How far this process has applied a partition: every record below `nextOffset`. */
export type AppliedOffset = { topic: string; partition: number; nextOffset: bigint };

const CHECK_EVERY_MS = 5_000;

/**
 * Reads the checkpoints every few seconds, and calls `goTo` for each partition whose checkpoint went back.
 * @param parts.applied by partition (`topicPartitionOf`)
 * @returns what ends it
 */
export function watchCheckpoints(parts: {
  applied: ReadonlyMap<string, AppliedOffset>;
  readNextOffset: (topic: string, partition: number) => Promise<bigint>;
  goTo: (checkpoint: AppliedOffset) => void;
  logger: Logger;
}): () => void {
  const { applied, readNextOffset, goTo, logger } = parts;
  const check = async (): Promise<void> => {
    for (const [topicPartition, before] of applied) {
      // Noted before the checkpoint is read: a batch that is applied in between moves only that one.
      const { topic, partition, nextOffset: appliedTo } = before;
      const nextOffset = await readNextOffset(topic, partition);
      if (nextOffset >= appliedTo || applied.get(topicPartition) === undefined) continue;
      logger.warn(
        { topicPartition, applied: appliedTo, nextOffset },
        'the checkpoint went back: going there',
      );
      goTo({ topic, partition, nextOffset });
    }
  };
  let checking = false;
  const timer = setInterval(() => {
    if (checking) return;
    checking = true;
    check()
      .catch((error: unknown) => {
        logger.debug({ reason: reasonOf(error) }, "the checkpoints can't be read");
      })
      .finally(() => {
        checking = false;
      });
  }, CHECK_EVERY_MS);
  return () => clearInterval(timer);
}
