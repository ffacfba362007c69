// What is particular to one command; handle-command.ts does the rest, once for all of them.
import type { RedisKeys } from '../../contracts/redis-keys.ts';
import type { EventTopic } from '../../contracts/topics.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import type { ScriptInput, ScriptRunner } from '../write-model/run-script.ts';
import type { ScriptReply } from '../write-model/script-reply.ts';

/** An outcome with a name of its own. */
type Named = { kind: string };

/**
 * What a script decided. `waiting`: events that are not known to be in the log: they have to be emitted
 * and confirmed before anybody is answered (docs/guarantees.md P5).
 */
export type ScriptOutcome<Success extends Named, Refusal extends Named> =
  | { kind: 'accepted'; event: CouponEvent; success: Success }
  | { kind: 'repeat'; eventId: string; waiting: CouponEvent | null; success: Success }
  | { kind: 'refused'; refusal: Refusal; waiting: readonly CouponEvent[] }
  /** The coupon's outbox does not drain: nothing new is reserved. */
  | { kind: 'overloaded' }
  /** The epoch is over. */
  | { kind: 'closed' };

/** What a command is decided by beside itself. */
export type ScriptContext = {
  epoch: number;
  keys: RedisKeys;
  /** An event may wait so long in the outbox before nothing new of its coupon is reserved. */
  maxOutboxAgeMs: number;
  /** How long an Idempotency-Key of an assignment is remembered. */
  idempotencyTtlMs: number;
};

export type CommandDefinition<
  Command extends { couponId: string },
  Success extends Named,
  Refusal extends Named,
> = {
  /** In metrics and traces. */
  name: string;
  /** The topic of its events. */
  topic: EventTopic;
  /** The Lua file that decides. */
  script: URL;
  /** The keys and arguments behind the prelude's, and how to read the reply to them. */
  prepare(
    command: Command,
    context: ScriptContext,
  ): ScriptInput & {
    /** @throws AppError REPLY_UNKNOWN for an outcome that this version does not know */
    readReply(reply: ScriptReply): ScriptOutcome<Success, Refusal>;
  };
};

/**
 * Decides on a command in `epoch`, in Redis, and reserves what it takes.
 * @throws AppError as a script does (write-model/run-script.ts)
 */
export type Decide<Command, Success extends Named, Refusal extends Named> = (
  command: Command,
  epoch: number,
) => Promise<ScriptOutcome<Success, Refusal>>;

/** Decides by the script of a definition. */
export function createDecide<
  Command extends { couponId: string },
  Success extends Named,
  Refusal extends Named,
>(
  definition: CommandDefinition<Command, Success, Refusal>,
  parts: Omit<ScriptContext, 'epoch'> & { openScript: ScriptRunner },
): Decide<Command, Success, Refusal> {
  const { openScript, ...context } = parts;
  const script = openScript(definition.script);
  return async (command, epoch) => {
    const { keys, args, readReply } = definition.prepare(command, { ...context, epoch });
    const reply = await script({ couponId: command.couponId, epoch }, { keys, args });
    return reply === 'closed' ? { kind: 'closed' } : readReply(reply);
  };
}
