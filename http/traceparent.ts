// A request's place in a trace (W3C Trace Context), given by its caller or made here.
import { randomUUID } from 'node:crypto';
import { readTraceparent } from '../platform/tracing.ts';

const PROCESS = randomUUID().replaceAll('-', '').slice(0, 20);
let unnamed = 0;

/**
 * The place that the caller names, or a new one, so that logs and answers can name a request even
 * where no spans are recorded. New ones are random by process and counted by request: as unique as
 * they have to be, and cheap.
 */
export function traceparentFor(given: string | undefined): string {
  const known = given === undefined ? null : readTraceparent(given);
  if (known !== null) return known;
  unnamed += 1;
  const traceId = PROCESS + unnamed.toString(16).padStart(12, '0');
  return `00-${traceId}-${traceId.slice(16)}-00`;
}

/** The trace id in a traceparent. */
export function traceIdIn(traceparent: string): string {
  return traceparent.slice(3, 35);
}
