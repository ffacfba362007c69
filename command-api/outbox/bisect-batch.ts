// A batch that the log refuses is halved until it is known which events it refuses; the others get in.
import type { Position } from '../../contracts/position.ts';
import { AppError } from '../../platform/errors.ts';
import type { LogWriter, PreparedEvent } from './log-writer.ts';

/** What became of an event of a batch; `reason` in the broker's words. */
export type Written = { kind: 'written'; position: Position } | { kind: 'refused'; reason: string };

/**
 * Writes the batch as `writer.write` does. Halves that were in the log already may be there twice.
 * @returns what became of each event, in the order of the batch; null when the writer was closed first
 */
export async function writeSplitting(
  writer: Pick<LogWriter, 'write'>,
  batch: readonly PreparedEvent[],
): Promise<Written[] | null> {
  try {
    const positions = await writer.write(batch);
    return positions?.map((position) => ({ kind: 'written', position })) ?? null;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'EVENT_REFUSED') throw error;
    if (batch.length === 1) return [{ kind: 'refused', reason: error.message }];
  }
  const middle = batch.length >> 1;
  const first = await writeSplitting(writer, batch.slice(0, middle));
  const second = first && (await writeSplitting(writer, batch.slice(middle)));
  return second && [...first, ...second];
}
