// One event on its way: into the log, to its confirmation, to those who wait for it.
import type { Span } from '@opentelemetry/api';
import type { Position } from '../../contracts/position.ts';
import type { PreparedEvent } from './prepared-event.ts';

/**
 * `unknown`: the event may or may not be in the log; asking again gives the one true answer.
 * `refused`: the log does not take it as it is; asking again has it emitted again.
 */
export type Published =
  | { kind: 'confirmed'; position: Position }
  | { kind: 'unknown' }
  | { kind: 'refused' };

export type Publication = {
  prepared: PreparedEvent;
  /** Over which it was decided, or found in the outbox: a number of the master check. */
  connection: number;
  /** From the queue to the confirmation, in the trace of the request that decided. */
  span: Span | null;
  /** Called once with the outcome; those who stopped waiting are no longer among them. */
  listeners: Set<(published: Published) => void>;
};

export const UNKNOWN: Published = { kind: 'unknown' };
export const REFUSED: Published = { kind: 'refused' };

/** Resolves with the outcome, or as `unknown` after `timeoutMs`. */
export function awaitOutcome(publication: Publication, timeoutMs: number): Promise<Published> {
  return new Promise((resolve) => {
    const listener = (published: Published): void => {
      clearTimeout(timer);
      resolve(published);
    };
    const timer = setTimeout(() => {
      publication.listeners.delete(listener);
      resolve(UNKNOWN);
    }, timeoutMs);
    publication.listeners.add(listener);
  });
}
