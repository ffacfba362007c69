// What an exchange means for the client: accepted, refused, or ask again with the same key, and when.
import { PROBLEMS } from '../../contracts/problems.ts';
import { type Backoff, backoffMs } from '../../platform/backoff.ts';
import type { AnsweredAssignment, Refusal } from '../../verifier/facts.ts';
import type { Exchange } from './connection.ts';
import { type HttpResponse, headerOf } from './response-parser.ts';

export type Verdict =
  | { kind: 'accepted'; assignment: AnsweredAssignment; replayed: boolean }
  /** `named`: ids of the assignments it gives as its reason; `reason`: the problem's code and title. */
  | { kind: 'refused'; refusal: Refusal; named: string[]; reason: string }
  /** The outcome is not known, or nothing was done: the same request is to be sent again. */
  | { kind: 'again'; afterMs: number; reason: string }
  /** An answer that says neither, and that asking again won't mend. The outcome is not known. */
  | { kind: 'failed'; reason: string };

const BACKOFF: Backoff = { firstMs: 20, factor: 2, maxMs: 1_000 };
const MAX_WAIT_MS = 30_000;
const REFUSALS: Readonly<Record<string, Refusal>> = {
  [PROBLEMS.couponNotFound.code]: 'coupon-not-found',
  [PROBLEMS.notStarted.code]: 'not-started',
  [PROBLEMS.ended.code]: 'ended',
  [PROBLEMS.soldOut.code]: 'sold-out',
  [PROBLEMS.limitReached.code]: 'limit-reached',
  [PROBLEMS.keyReused.code]: 'key-reused',
};
/** The service sheds or restarts, or something between it and the client says so. */
const ASK_AGAIN = new Set([429, 502, 503, 504]);

/** The verdict on an assign request's exchange; `attempt` counts from 0. */
export function classifyResponse(exchange: Exchange, attempt: number): Verdict {
  if (exchange.kind === 'failed') {
    return { kind: 'again', afterMs: backoffMs(BACKOFF, attempt), reason: exchange.reason };
  }
  const { answer } = exchange;
  const body = parseObject(answer.body);
  if (answer.status === 201) return classifyAccepted(answer, body);
  const reason = reasonOf(answer, body);
  if (ASK_AGAIN.has(answer.status)) {
    return { kind: 'again', afterMs: waitOf(answer, body, attempt), reason };
  }
  if (answer.status < 400 || answer.status >= 500) return { kind: 'failed', reason };
  const refusal = REFUSALS[String(body.code)] ?? 'other';
  return { kind: 'refused', refusal, named: namedIn(body), reason };
}

function namedIn({ assignments }: Record<string, unknown>): string[] {
  if (!Array.isArray(assignments)) return [];
  return assignments.map((one: { assignmentId?: unknown } | null) => String(one?.assignmentId));
}

function classifyAccepted(answer: HttpResponse, body: Record<string, unknown>): Verdict {
  const { assignmentId, userId, sequence } = body;
  const assignedAt = Date.parse(String(body.assignedAt));
  if (
    typeof assignmentId !== 'string' ||
    typeof userId !== 'string' ||
    typeof sequence !== 'number' ||
    Number.isNaN(assignedAt)
  ) {
    return { kind: 'failed', reason: '201 without an assignment' };
  }
  return {
    kind: 'accepted',
    assignment: { assignmentId, userId, sequence, assignedAt },
    replayed: headerOf(answer, 'idempotency-replayed') === 'true',
  };
}

function reasonOf({ status }: HttpResponse, { code, title }: Record<string, unknown>): string {
  const words = [code, title].filter((word) => typeof word === 'string');
  return words.length === 0 ? `status ${status}` : words.join(' ');
}

/** The exact wait in the problem, else the header's whole seconds, else our own back-off. */
function waitOf(answer: HttpResponse, body: Record<string, unknown>, attempt: number): number {
  const exact = body.retryAfterMs;
  const seconds = Number(headerOf(answer, 'retry-after') ?? Number.NaN);
  const asked = typeof exact === 'number' ? exact : seconds * 1_000;
  return asked >= 0 ? Math.min(asked, MAX_WAIT_MS) : backoffMs(BACKOFF, attempt);
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
