// Serves while metrics and traces are on, which can't be switched off again in a process: one request is
// answered, of another the caller leaves before its answer. Prints what was recorded of them.
import { request } from 'node:http';
import { type Attributes, metrics, type Span, TraceFlags, trace } from '@opentelemetry/api';
import { switchTracingOn } from '../../../platform/tracing.ts';
import { startTestServer } from './test-server.ts';

const measured: Attributes[] = [];
const spans: Attributes[] = [];
const recorded = Promise.withResolvers<void>();

metrics.setGlobalMeterProvider({
  getMeter: () =>
    ({
      createHistogram: () => ({
        record: (_seconds: number, attributes: Attributes) => {
          measured.push(attributes);
          if (measured.length === 2) recorded.resolve();
        },
      }),
    }) as never,
});
trace.setGlobalTracerProvider({
  getTracer: () =>
    ({
      startSpan: () => {
        const span = {
          spanContext: () => ({
            traceId: 'a'.repeat(32),
            spanId: 'b'.repeat(16),
            traceFlags: TraceFlags.SAMPLED,
          }),
          updateName: () => span,
          setStatus: () => span,
          setAttributes: (attributes: Attributes) => {
            spans.push(attributes);
            return span;
          },
          end: () => undefined,
        };
        return span as unknown as Span;
      },
    }) as never,
});
switchTracingOn();

const slow = Promise.withResolvers<void>();
const arrived = Promise.withResolvers<void>();
const server = await startTestServer({
  slow: slow.promise,
  shedLoad: ({ url }) => {
    if (url === '/slow') arrived.resolve();
    return null;
  },
});
await (await fetch(`${server.url}/named/x`)).text();
const left = request(`${server.url}/slow`);
left.on('error', () => undefined);
left.end();
await arrived.promise;
left.destroy();
await recorded.promise;
slow.resolve();
await server.close();
console.log(JSON.stringify({ measured, spans }));
