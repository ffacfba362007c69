// The answers that all commands share.
import type { Problem } from '../../contracts/problems.ts';
import type { NoAnswer } from '../commands/handle-command.ts';

/** When a caller may ask again, in ms: a gate opens, or an outbox drains, within about that time. */
const RETRY_AFTER_MS = { closed: 500, overloaded: 500, unknown: 200 } as const;

export const OVERLOADED: Problem = { name: 'overloaded', retryAfterMs: RETRY_AFTER_MS.overloaded };

/** The problem that says why there is no answer to a command. */
export function problemOfNoAnswer({ kind }: NoAnswer): Problem {
  switch (kind) {
    case 'closed':
      return { name: 'closed', retryAfterMs: RETRY_AFTER_MS.closed };
    case 'overloaded':
      return OVERLOADED;
    case 'outcome-unknown':
      return { name: 'outcomeUnknown', retryAfterMs: RETRY_AFTER_MS.unknown };
    case 'refused-by-log':
      return { name: 'refusedByLog' };
  }
}

/** A time in ms since 1970 as ISO 8601 in UTC, as every body of an answer writes it. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
