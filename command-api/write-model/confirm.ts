// Takes events that are in the log out of their outbox: only now they are true for every reader.
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import type { ScriptRunner } from './run-script.ts';
import { unknownReply } from './script-reply.ts';

/** Events of one coupon and one epoch that are in the log. */
export type Confirmation = {
  couponId: string;
  /** The events', never "the current one" (docs/guarantees.md P3). */
  epoch: number;
  /** The event id of the coupon's creation when it is among them. */
  creationId: string | null;
  /** Ids of all of them. */
  eventIds: readonly string[];
};

/**
 * Confirms events; twice changes nothing. Assignments are unanswered from then on, until they are marked as
 * answered (answered.ts). 'closed': their epoch is over, and nothing was changed.
 * @throws AppError as a script does (run-script.ts)
 */
export type Confirm = (
  confirmation: Confirmation,
) => Promise<{ kind: 'confirmed' } | { kind: 'closed' }>;

/** Confirms by confirm.lua, the one way for all commands. */
export function createConfirm(openScript: ScriptRunner, keys: RedisKeys): Confirm {
  const script = openScript(new URL('./confirm.lua', import.meta.url));
  return async ({ couponId, epoch, creationId, eventIds }) => {
    const reply = await script(
      { couponId, epoch },
      {
        keys: [keys.unanswered(couponId)],
        args: [creationId ?? '', ...eventIds],
      },
    );
    if (reply === 'closed') return { kind: 'closed' };
    if (reply.kind !== 'confirmed') throw unknownReply(reply.kind);
    return { kind: 'confirmed' };
  };
}
