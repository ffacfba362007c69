// Spans of our own, where a request crosses from one part to the next. Without an OTLP endpoint the
// tracer is a no-op and all this costs next to nothing.
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

/**
 * Starts a span below the one that `traceparent` names (W3C Trace Context), or a new trace when it
 * names none.
 */
export function startSpan(
  name: string,
  kind: SpanKind,
  traceparent: string | null,
  attributes: Attributes = {},
): Span {
  const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  const from = isSpanContextValid(parent)
    ? trace.setSpanContext(ROOT_CONTEXT, parent)
    : context.active();
  return trace.getTracer('firstcome').startSpan(name, { kind, attributes }, from);
}

/** The span as a `traceparent`; null when nothing records it. */
export function traceparentOfSpan(span: Span): string | null {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return null;
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}

/** Ends a span; a reason marks it as failed. */
export function endSpan(span: Span, failure?: string): void {
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
  span.end();
}
