// What the scripts of the write model reply with, as typed values.
import type { CouponEvent } from '../../domain/coupon-events.ts';
import { AppError } from '../../platform/errors.ts';

/** A reply of a script: the name of the outcome, and what belongs to it as in the script's header. */
export type ScriptReply = { kind: string; values: readonly string[] };

/** @throws AppError REPLY_UNKNOWN when it is no list of texts that begins with the outcome */
export function parseReply(reply: unknown): ScriptReply {
  if (!Array.isArray(reply) || reply.length === 0) throw unknownReply(typeof reply);
  const [kind, ...values] = reply.map(String);
  return { kind: kind ?? '', values };
}

/** The error for an outcome that this version does not know. */
export function unknownReply(kind: string): AppError {
  return new AppError('REPLY_UNKNOWN', `a script's reply that this version does not know: ${kind}`);
}

/** An event as the scripts keep it in an outbox; they are its only writers. */
export function parseOutboxEvent(json: string): CouponEvent {
  return JSON.parse(json) as CouponEvent;
}

/** An event that a reply holds when it is still in the outbox, and '' when it is not. */
export function parseWaitingEvent(json: string | undefined): CouponEvent | null {
  return json === undefined || json === '' ? null : parseOutboxEvent(json);
}
