// The last stretch of a trace: from the consumed record to its row. Only what its request's sampling
// chose is traced: a span for each record of a batch would cost more than the batch.
import { type Span, SpanKind } from '@opentelemetry/api';
import { messageOf } from '../../platform/errors.ts';
import { endSpan, startSpan } from '../../platform/tracing.ts';
import type { Reading } from '../consumer/log-record.ts';
import type { Store } from './apply-batch.ts';

const SAMPLED = '-01';

/** `store`, with a span from before until after the transaction for each record that is traced. */
export function traceStore(store: Store): Store {
  return async (readings) => {
    const spans = readings.flatMap(spanOf);
    try {
      const outcome = await store(readings);
      for (const span of spans) endSpan(span);
      return outcome;
    } catch (error) {
      for (const span of spans) endSpan(span, messageOf(error));
      throw error;
    }
  };
}

function spanOf({ kind, record }: Reading): Span[] {
  const traceparent = record.headers.traceparent?.toString();
  if (kind !== 'event' || traceparent === undefined || !traceparent.endsWith(SAMPLED)) return [];
  const span = startSpan(`project ${record.topic}`, SpanKind.CONSUMER, traceparent, {
    'messaging.destination.name': record.topic,
    'messaging.destination.partition.id': String(record.partition),
    'messaging.kafka.offset': Number(record.offset),
  });
  return span === null ? [] : [span];
}
