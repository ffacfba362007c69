// The last part of a trace: from the consumed record to its row. Only what its request's sampling
// chose is traced: a span for each record of a batch would cost more than the batch.
import { type Span, SpanKind } from '@opentelemetry/api';
import { messageOf } from '../../platform/errors.ts';
import { endSpan, startSpan } from '../../platform/tracing.ts';
import type { DecodeResult } from '../consumed-record.ts';
import type { StoreRecords } from './apply-batch.ts';

const SAMPLED = '-01';

/** `store`, with a span from before until after the transaction for each record that is traced. */
export function traceStore(store: StoreRecords): StoreRecords {
  return async (records) => {
    const spans = records.flatMap(spanOf);
    try {
      const outcome = await store(records);
      for (const span of spans) endSpan(span);
      return outcome;
    } catch (error) {
      for (const span of spans) endSpan(span, messageOf(error));
      throw error;
    }
  };
}

function spanOf(decoded: DecodeResult): Span[] {
  if (decoded.kind !== 'event') return [];
  const { record } = decoded;
  const traceparent = record.headers.traceparent?.toString();
  if (traceparent === undefined || !traceparent.endsWith(SAMPLED)) return [];
  const span = startSpan(`project ${record.topic}`, SpanKind.CONSUMER, traceparent, {
    'messaging.destination.name': record.topic,
    'messaging.destination.partition.id': String(record.partition),
    'messaging.kafka.offset': Number(record.offset),
  });
  return span === null ? [] : [span];
}
