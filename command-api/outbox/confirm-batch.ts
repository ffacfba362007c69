// Confirms the events of a batch that are in the log, unless a newer epoch is claimed.
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Gate } from '../gate/gate.ts';
import type { Confirm, Confirmation } from '../write-model/confirm.ts';
import type { Publication } from './publication.ts';

export type ConfirmBatchOptions = {
  checkClaim: Gate['checkClaim'];
  confirm: Confirm;
  logger: Logger;
};

/**
 * Looks for a newer claim once for the whole batch (docs/guarantees.md P2), then confirms once for each
 * coupon. Never throws: a failure leaves events unconfirmed.
 * @returns (the function) the ids of the events that are confirmed
 */
export function createConfirmBatch({
  checkClaim,
  confirm,
  logger,
}: ConfirmBatchOptions): (batch: readonly Publication[]) => Promise<ReadonlySet<string>> {
  const logUnconfirmed = (events: number, error: unknown): void =>
    logger.warn({ events, reason: messageOf(error) }, 'events are in the log but not confirmed');

  const confirmCoupon = async (group: readonly Publication[]): Promise<string[]> => {
    const confirmation = toConfirmation(group);
    try {
      const outcome = await confirm(confirmation);
      return outcome.kind === 'closed' ? [] : idsOf(group);
    } catch (error) {
      logUnconfirmed(group.length, error);
      return [];
    }
  };

  return async (batch) => {
    let claim: number | null;
    try {
      claim = await checkClaim();
    } catch (error) {
      logUnconfirmed(batch.length, error);
      return new Set();
    }
    const current = batch.filter(({ prepared }) => prepared.event.epoch === claim);
    const groups = Map.groupBy(current, ({ prepared }) => prepared.event.couponId);
    // Each for itself: the failure of one coupon must not hide that others are confirmed.
    const confirmed = await Promise.all([...groups.values()].map(confirmCoupon));
    return new Set(confirmed.flat());
  };
}

function toConfirmation(group: readonly Publication[]): Confirmation {
  const [first] = group;
  if (first === undefined) throw new RangeError('no event to confirm');
  const { couponId, epoch } = first.prepared.event;
  const creation = group.find(({ prepared }) => prepared.event.type === 'CouponCreated');
  return {
    couponId,
    epoch,
    creationId: creation?.prepared.event.eventId ?? null,
    eventIds: idsOf(group),
  };
}

function idsOf(group: readonly Publication[]): string[] {
  return group.map(({ prepared }) => prepared.event.eventId);
}
