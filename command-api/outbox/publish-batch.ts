// One batch of the group commit, step by step: check the master that decided it, write it to the log,
// quarantine what the log refuses, confirm the rest.
import type { Position } from '../../contracts/position.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { CommandMetrics } from '../metrics.ts';
import { type ConfirmBatchOptions, createConfirmBatch } from './confirm-batch.ts';
import type { LogWriter } from './log-writer.ts';
import type { CheckedMaster, MasterCheck } from './master-check.ts';
import { type Publication, type Published, REFUSED, UNKNOWN } from './publication.ts';
import type { Quarantine } from './quarantine.ts';
import { writeBatch } from './write-batch.ts';

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
