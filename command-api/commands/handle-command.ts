// Handles every command alike: admit, decide in Redis, emit what was decided, have it confirmed, and only
// then answer. What is particular to a command stands in its definition.
import { SpanKind } from '@opentelemetry/api';
import type { Position } from '../../contracts/position.ts';
import type { EventTopic } from '../../contracts/topics.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import { AppError, messageOf } from '../../platform/errors.ts';
import { endSpan, startSpan, traceparentOfSpan } from '../../platform/tracing.ts';
import type { Gate } from '../gate/gate.ts';
import type { CommandMetrics } from '../metrics.ts';
import type { Published } from '../outbox/publication.ts';
import type { Publisher } from '../outbox/publisher.ts';
import type { CommandDefinition, Decide, ScriptOutcome } from './command-definition.ts';

/** What the commands of this process are handled with. */
export type CommandContext = {
  gate: Pick<Gate, 'state'>;
  publisher: Pick<Publisher, 'publish' | 'waiting'>;
  /** The last positions of a topic; none when the brokers do not answer. */
  endOf(topic: EventTopic): Promise<Position[]>;
  /** Requests that may be under way at once, and how many are. */
  load: { max: number; current: number };
  metrics: Pick<CommandMetrics, 'answered'>;
};

/**
 * Nothing was decided (`closed`, `overloaded`), or it is not known yet whether the decision stands
 * (`outcome-unknown`): asking again, with the same key or as the same user, gives the
 * one true answer. What the log
 * refuses (`refused-by-log`) does not stand, and may stand once operators have mended that.
 */
export type NoAnswer =
  | { kind: 'closed' }
  | { kind: 'overloaded' }
  | { kind: 'outcome-unknown' }
  | { kind: 'refused-by-log' };

const NO_ANSWERS: ReadonlySet<string> = new Set<NoAnswer['kind']>([
  'closed',
  'overloaded',
  'outcome-unknown',
  'refused-by-log',
]);

type Named = { kind: string };

/** A success that is in the log and confirmed; `replayed`: it was so before this request. */
export type Confirmed<Success extends Named> = Success & {
  replayed: boolean;
  eventId: string;
  /** Where a reader has to be to see it; none when the brokers do not answer. */
  positions: Position[];
};

export type Answer<Success extends Named, Refusal extends Named> =
  | Confirmed<Success>
  | Refusal
  | NoAnswer;

/** Is there no answer? */
export function isNoAnswer(answer: Named): answer is NoAnswer {
  return NO_ANSWERS.has(answer.kind);
}

/** Is the command's success confirmed? */
export function isConfirmed<Success extends Named, Refusal extends Named>(
  answer: Answer<Success, Refusal>,
): answer is Confirmed<Success> {
  return 'positions' in answer;
}

/**
 * Handles one command. `traceparent`: the caller's place in its trace, kept with the event.
 * @throws AppError REPLY_UNKNOWN, EVENT_INVALID: bugs
 */
export type CommandHandler<Command, Success extends Named, Refusal extends Named> = (
  command: Command,
  traceparent: string | null,
) => Promise<Answer<Success, Refusal>>;

/** A handler for the commands of `definition`, which `decide` decides. */
export function createHandler<
  Command extends { couponId: string },
  Success extends Named,
  Refusal extends Named,
>(
  { name, topic }: Pick<CommandDefinition<Command, Success, Refusal>, 'name' | 'topic'>,
  decide: Decide<Command, Success, Refusal>,
  context: CommandContext,
): CommandHandler<Command, Success, Refusal> {
  const handle: CommandHandler<Command, Success, Refusal> = async (command, traceparent) => {
    const answer = await admit(context, async (epoch) => {
      const outcome = await decide(command, epoch);
      return answerTo(context, outcome, { topic, traceparent });
    });
    context.metrics.answered(name, answer.kind);
    return answer;
  };
  return withSpan(`command ${name}`, handle);
}

/** `handle` in a span of its own below the caller's; what it emits is below that one. */
function withSpan<
  Command extends { couponId: string },
  Success extends Named,
  Refusal extends Named,
>(
  spanName: string,
  handle: CommandHandler<Command, Success, Refusal>,
): CommandHandler<Command, Success, Refusal> {
  return async (command, traceparent) => {
    const span = startSpan(spanName, SpanKind.INTERNAL, traceparent, {
      'firstcome.coupon.id': command.couponId,
    });
    if (span === null) return handle(command, traceparent);
    try {
      const answer = await handle(command, traceparentOfSpan(span));
      span.setAttribute('firstcome.answer', answer.kind);
      endSpan(span, isNoAnswer(answer) ? `answer ${answer.kind}` : undefined);
      return answer;
    } catch (error) {
      endSpan(span, messageOf(error));
      throw error;
    }
  };
}

/** Is as much under way as may be? */
export function isAtCapacity({ publisher, load }: Pick<CommandContext, 'publisher' | 'load'>) {
  return Math.max(load.current, publisher.waiting()) >= load.max;
}

/**
 * Runs `handle` in the gate's epoch. While the gate is closed or this process is at capacity, a command
 * is refused before anything is reserved, and so is one that Redis itself refuses; a lost or late reply
 * of Redis leaves the outcome unknown.
 */
export async function admit<T extends Named>(
  context: Pick<CommandContext, 'gate' | 'publisher' | 'load'>,
  handle: (epoch: number) => Promise<T>,
): Promise<T | NoAnswer> {
  const { gate, load } = context;
  const state = gate.state();
  if (state.kind === 'closed') return { kind: 'closed' };
  if (isAtCapacity(context)) return { kind: 'overloaded' };
  load.current += 1;
  try {
    return await handle(state.epoch);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'REDIS_REFUSED') return { kind: 'closed' };
    if (error.code === 'REDIS_UNAVAILABLE') return { kind: 'outcome-unknown' };
    throw error;
  } finally {
    load.current -= 1;
  }
}

type Asked = { topic: EventTopic; traceparent: string | null };

async function answerTo<Success extends Named, Refusal extends Named>(
  context: CommandContext,
  outcome: ScriptOutcome<Success, Refusal>,
  asked: Asked,
): Promise<Answer<Success, Refusal>> {
  const publish = (event: CouponEvent): Promise<Published> =>
    context.publisher.publish(event, asked.traceparent);
  switch (outcome.kind) {
    case 'accepted':
      return confirmedAnswer(outcome.success, outcome.event, false, await publish(outcome.event));
    case 'repeat': {
      const { waiting, success, eventId } = outcome;
      return waiting === null
        ? { ...success, replayed: true, eventId, positions: await context.endOf(asked.topic) }
        : confirmedAnswer(success, waiting, true, await publish(waiting));
    }
    case 'refused': {
      // Only what is true for ever may be named as the reason of a refusal (docs/guarantees.md P5).
      const published = await Promise.all(outcome.waiting.map(publish));
      const unconfirmed = published.find((one) => one.kind !== 'confirmed');
      return unconfirmed === undefined ? outcome.refusal : noAnswerOf(unconfirmed);
    }
    case 'overloaded':
    case 'closed':
      return outcome;
  }
}

function confirmedAnswer<Success extends Named>(
  success: Success,
  { eventId }: CouponEvent,
  replayed: boolean,
  published: Published,
): Confirmed<Success> | NoAnswer {
  return published.kind === 'confirmed'
    ? { ...success, replayed, eventId, positions: [published.position] }
    : noAnswerOf(published);
}

function noAnswerOf({ kind }: Exclude<Published, { kind: 'confirmed' }>): NoAnswer {
  return { kind: kind === 'refused' ? 'refused-by-log' : 'outcome-unknown' };
}
