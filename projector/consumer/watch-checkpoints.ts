// Checkpoints never go back, as long as the tables stay the same. Where one is behind what this
// process has applied, other tables were put in the place of those: by a rebuild that was killed in
// the middle of its swap, or from a backup. Nothing new may come to give that away.
import type { Logger } from '../../platform/logger.ts';
import { reasonOf } from './failures.ts';

/** How far this process has got, by partition (`laneOf`). */
export type Position = { topic: string; partition: number; nextOffset: bigint };

const LOOK_EVERY_MS = 5_000;

/**
 * Looks now and then, and calls `goTo` for each partition whose checkpoint went back.
 * @returns what ends it
 */
export function watchCheckpoints(parts: {
  positions: ReadonlyMap<string, Position>;
  readNextOffset: (topic: string, partition: number) => Promise<bigint>;
  goTo: (position: Position) => void;
  logger: Logger;
  everyMs?: number;
}): () => void {
  const { positions, readNextOffset, goTo, logger } = parts;
  const look = async (): Promise<void> => {
    for (const [lane, position] of positions) {
      // Before the checkpoint is read: a batch that is applied in between moves only that one.
      const { topic, partition, nextOffset: applied } = position;
      const nextOffset = await readNextOffset(topic, partition);
      if (nextOffset >= applied || positions.get(lane) === undefined) continue;
      logger.warn({ lane, applied, nextOffset }, 'the checkpoint went back: going there');
      goTo({ topic, partition, nextOffset });
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => {
        logger.debug({ reason: reasonOf(error) }, "the checkpoints can't be read");
      })
      .finally(() => {
        looking = false;
      });
  }, parts.everyMs ?? LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
