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

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NOTHING = /^00-(0{32}-|[0-9a-f]{32}-0{16}-)/;

let isOn = false;

/** Spans are recorded from now on; telemetry calls it when it has somewhere to send them. */
export function switchTracingOn(): void {
  isOn = true;
}

/** Does this text name a place in a trace (W3C Trace Context)? */
export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && TRACEPARENT.test(text) && !NOTHING.test(text);
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
  const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  const from = isSpanContextValid(parent)
    ? trace.setSpanContext(ROOT_CONTEXT, parent)
    : context.active();
  return trace.getTracer('firstcome').startSpan(name, { kind, attributes }, from);
}

/** The span as a `traceparent`. */
export function traceparentOfSpan(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}

/** Ends a span, if there is one; a reason marks it as failed. */
export function endSpan(span: Span | null, failure?: string): void {
  if (failure !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: failure });
  span?.end();
}
