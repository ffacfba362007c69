// Writes a batch to the log. A refused batch is bisected, so that only the refused events stay out.
import type { Position } from '../../contracts/position.ts';
import { bisectBatch, type NonEmpty } from '../../platform/bisect-batch.ts';
import { AppError } from '../../platform/errors.ts';
import type { LogWriter } from './log-writer.ts';
import type { PreparedEvent } from './prepared-event.ts';

/** What became of an event of a batch; `reason` in the broker's words. */
export type Disposition =
  | { kind: 'written'; position: Position }
  | { kind: 'refused'; reason: string };

/**
 * Writes the batch as `writer.write` does. Halves that were in the log already may be there twice.
 * @returns what became of each event, in the order of the batch; null when the writer was closed first
 */
export async function writeBatch(
  writer: Pick<LogWriter, 'write'>,
  batch: NonEmpty<PreparedEvent>,
): Promise<Disposition[] | null> {
  const dispositions: Disposition[] = [];
  const parts = bisectBatch(batch, (part) => writePart(writer, part));
  for await (const part of parts) {
    if (part === null) return null;
    dispositions.push(...part);
  }
  return dispositions;
}

async function writePart(
  writer: Pick<LogWriter, 'write'>,
  part: NonEmpty<PreparedEvent>,
): Promise<Disposition[] | null | 'split'> {
  try {
    const positions = await writer.write(part);
    return positions?.map((position) => ({ kind: 'written', position })) ?? null;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'EVENT_REFUSED') throw error;
    return part.length === 1 ? [{ kind: 'refused', reason: error.message }] : 'split';
  }
}
