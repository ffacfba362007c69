// Handles a command while tracing is on, which can't be switched off again in a process, and prints the
// spans that it made and the traceparents that it emitted with.
import { type Span, type SpanContext, TraceFlags, trace } from '@opentelemetry/api';
import {
  type CommandContext,
  createHandler,
} from '../../../command-api/commands/handle-command.ts';
import { switchTracingOn } from '../../../platform/tracing.ts';
import { couponCreated } from '../../support/fixtures/sample-events.ts';

type Recorded = { name: string; parent: string; attributes: object; failure?: string };
const spans: Recorded[] = [];
const published: (string | null)[] = [];

trace.setGlobalTracerProvider({
  getTracer: () => ({
    startSpan: (name, options, from) => {
      const parent = trace.getSpanContext(from ?? (undefined as never))?.spanId ?? '';
      const attributes = { ...options?.attributes };
      const recorded: Recorded = { name, parent, attributes };
      spans.push(recorded);
      const context: SpanContext = {
        traceId: 'a'.repeat(32),
        spanId: `${spans.length}`.padStart(16, 'c'),
        traceFlags: TraceFlags.SAMPLED,
      };
      return {
        spanContext: () => context,
        setAttribute: (key: string, value: unknown) => Object.assign(attributes, { [key]: value }),
        setStatus: ({ message }: { message?: string }) => {
          if (message !== undefined) recorded.failure = message;
        },
        end: () => undefined,
      } as unknown as Span;
    },
    startActiveSpan: () => {
      throw new Error('no span is made active');
    },
  }),
});
switchTracingOn();

const partitions = { 'coupon-lifecycle': 3, 'coupon-assign': 3 };
const context: CommandContext = {
  gate: {
    state: () => ({ kind: 'open', epoch: 7, replicationId: 'a', evictedKeys: 0, partitions }),
  },
  publisher: {
    publish: async (_, traceparent) => {
      published.push(traceparent);
      return published.length === 1
        ? { kind: 'confirmed', position: { topic: 'coupon-assign', partition: 0, offset: 5n } }
        : { kind: 'unknown' };
    },
    waiting: () => 0,
  },
  endOf: async () => [],
  load: { max: 3, current: 0 },
  metrics: { answered: () => undefined },
};
const event = couponCreated();
const handle = createHandler<{ couponId: string }, { kind: 'done' }, { kind: 'never' }>(
  { name: 'assign', topic: 'coupon-assign' },
  async () => ({ kind: 'accepted', event, success: { kind: 'done' } }),
  context,
);
const caller = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
await handle({ couponId: 'one' }, caller);
await handle({ couponId: 'two' }, caller);
console.log(JSON.stringify({ spans, published }));
