// One batch of the group commit, step by step: check the master that decided it, write it to the log,
// quarantine what the log refuses, confirm the rest.
import type { Position } from '../../contracts/position.ts';
import { bisectBatch, type NonEmpty } from '../../platform/bisect-batch.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { CommandMetrics } from '../metrics.ts';
import { type ConfirmBatchOptions, createConfirmBatch } from './confirm-batch.ts';
import type { LogWriter } from './log-writer.ts';
import type { CheckedMaster, MasterCheck } from './master-check.ts';
import type { PreparedEvent } from './prepared-event.ts';
import { type Publication, type Published, REFUSED, UNKNOWN } from './publication.ts';
import type { Quarantine } from './quarantine.ts';

export type PublishBatchOptions = ConfirmBatchOptions & {
  writer: Pick<LogWriter, 'write'>;
  masterCheck: Pick<MasterCheck, 'check'>;
  quarantine: Quarantine;
  metrics: Pick<CommandMetrics, 'acknowledged'>;
  logger: Logger;
};

/**
 * Publishes batches; `end` is called once for each of their events, with its outcome. A batch is over
 * when its events are confirmed; quarantining goes on beside the next one.
 */
export function createPublishBatch(
  options: PublishBatchOptions,
  end: (publication: Publication, published: Published) => void,
): (batch: readonly Publication[]) => Promise<void> {
  const { writer, masterCheck, metrics } = options;
  const confirmBatch = createConfirmBatch(options);

  const refuse = async (publication: Publication, reason: string): Promise<void> => {
    try {
      await options.quarantine(publication.prepared, reason);
    } catch (error) {
      // It stays in the outbox: the relay brings it here again.
      const { eventId } = publication.prepared.event;
      const fields = { eventId, reason: messageOf(error) };
      options.logger.warn(fields, 'a refused event is not quarantined yet');
    }
    end(publication, REFUSED);
  };

  return async (batch) => {
    const startedMs = performance.now();
    const checked = await masterCheck.check();
    const decided = batch.filter((publication) => isDecidedOn(checked, publication));
    // The others stay in their outbox, if that is still there.
    for (const one of batch) if (!isDecidedOn(checked, one)) end(one, UNKNOWN);
    const [first, ...rest] = decided.map(({ prepared }) => prepared);
    if (first === undefined) return;
    const dispositions = await writeBatch(writer, [first, ...rest]);
    const inLog = new Map<Publication, Position>();
    decided.forEach((publication, index) => {
      const disposition = dispositions?.[index];
      if (disposition?.kind === 'written') inLog.set(publication, disposition.position);
      else if (disposition?.kind === 'refused') void refuse(publication, disposition.reason);
      else end(publication, UNKNOWN);
    });
    if (inLog.size === 0) return;
    metrics.acknowledged(inLog.size, (performance.now() - startedMs) / 1_000);
    const confirmed = await confirmBatch([...inLog.keys()]);
    for (const [publication, position] of inLog) {
      const isConfirmed = confirmed.has(publication.prepared.event.eventId);
      end(publication, isConfirmed ? { kind: 'confirmed', position } : UNKNOWN);
    }
  };
}

/** Did the master of its epoch's gate decide it? */
function isDecidedOn(
  checked: CheckedMaster | null,
  { prepared, connection }: Publication,
): boolean {
  return checked?.connection === connection && checked.epoch === prepared.event.epoch;
}

/** What became of an event of a batch; `reason` in the broker's words. */
type Disposition = { kind: 'written'; position: Position } | { kind: 'refused'; reason: string };

/**
 * Writes the batch as `writer.write` does. Halves that were in the log already may be there twice.
 * @returns what became of each event, in the order of the batch; null when the writer was closed first
 */
async function writeBatch(
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
