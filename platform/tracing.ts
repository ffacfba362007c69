// Spans of our own, where a request crosses from one part to the next. While tracing is off they cost
// nothing: not even a no-op is made for each request.
import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

// Of a later version: what is known of version 00, and anything after another dash (W3C Trace Context).
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const LENGTH_OF_00 = 55;

let isOn = false;

/** Spans are recorded from now on; telemetry calls it when it has somewhere to send them. */
export function switchTracingOn(): void {
  isOn = true;
}

/**
 * The place in a trace that this text names (W3C Trace Context), as version 00 writes it; null when it names
 * none. Of a later version as much is read as is known of it: the ids, and whether the trace is sampled.
 */
export function readTraceparent(text: string): string | null {
  const [, version = 'ff', traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(text) ?? [];
  if (version === 'ff' || !isSpanContextValid({ traceId, spanId, traceFlags: 0 })) return null;
  if (version === '00') return text.length === LENGTH_OF_00 ? text : null;
  return `00-${traceId}-${spanId}-${isSampled(Number.parseInt(flags, 16)) ? '01' : '00'}`;
}

/**
 * Starts a span below the one that `traceparent` names, or a new trace when it names none.
 * @returns null while tracing is off
 */
export function startSpan(
  name: string,
  kind: SpanKind,
  traceparent: string | null,
  attributes: Attributes = {},
): Span | null {
  if (!isOn) return null;
  const place = readTraceparent(traceparent ?? '')?.split('-') ?? [];
  const [, traceId = '', spanId = '', flags = '00'] = place;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  const from = isSpanContextValid(parent)
    ? trace.setSpanContext(ROOT_CONTEXT, parent)
    : context.active();
  return trace.getTracer('firstcome').startSpan(name, { kind, attributes }, from);
}

/** The span as a `traceparent`. */
export function traceparentOfSpan(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${isSampled(traceFlags) ? '01' : '00'}`;
}

function isSampled(flags: number): boolean {
  return (flags & TraceFlags.SAMPLED) !== 0;
}

/** Ends a span, if there is one; a reason marks it as failed. */
export function endSpan(span: Span | null, failure?: string): void {
  if (failure !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: failure });
  span?.end();
}
