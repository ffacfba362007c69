// The group commit: the events that wait in this process go to the log together, and each caller is
// answered when its event was acknowledged and confirmed.
//
// There is no linger. While one batch is on its way, to its confirmation, the next one gathers: under
// load that makes few and large batches, and what a batch costs everywhere is what limits the speed
// (docs/adr/0002).
import { SpanKind } from '@opentelemetry/api';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import { endSpan, startSpan } from '../../platform/tracing.ts';
import type { LogWriter } from './log-writer.ts';
import type { MasterCheck } from './master-check.ts';
import { awaitOutcome, type Publication, type Published, UNKNOWN } from './publication.ts';
import { createPublishBatch, type PublishBatchOptions } from './publish-batch.ts';

export type Publisher = {
  /**
   * Emits and confirms an event, for a caller who is answered with it. An event that is on its way in
   * this process already is not sent twice. Resolves as `unknown` after `answerTimeoutMs`; the
   * event is emitted all the same. One of another epoch than the gate's is `unknown` at once:
   * that epoch is over, or not known here yet.
   */
  publish(event: CouponEvent, traceparent: string | null): Promise<Published>;
  /**
   * Emits and confirms an event that nobody waits for.
   * @returns false when it is on its way already, or of another epoch than the gate's
   */
  relay(event: CouponEvent): boolean;
  /** How many events are on their way. */
  waiting(): number;
  /** Resolves when nothing is on its way, or `timeoutMs` have passed. */
  drained(timeoutMs: number): Promise<void>;
};

export type PublisherOptions = PublishBatchOptions & {
  writer: Pick<LogWriter, 'prepare' | 'write'>;
  masterCheck: MasterCheck;
  answerTimeoutMs: number;
  /** The most events in one send. */
  maxBatch: number;
};

/** A publisher that sends through `writer`. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { writer, masterCheck } = options;
  const publications = new Map<string, Publication>();
  const publishBatch = createPublishBatch(options, ({ prepared, span, listeners }, published) => {
    publications.delete(prepared.event.eventId);
    endSpan(span, published.kind === 'confirmed' ? undefined : `outcome ${published.kind}`);
    for (const listener of listeners) listener(published);
  });
  const queue = createBatchQueue(options.maxBatch, publishBatch);

  const start = (event: CouponEvent, traceparent: string | null): Publication | null => {
    const prepared = writer.prepare(event, traceparent);
    if (prepared === null) return null;
    const publication: Publication = {
      prepared,
      connection: masterCheck.connection(),
      span: startSpan(`publish ${event.type}`, SpanKind.PRODUCER, traceparent),
      listeners: new Set(),
    };
    publications.set(event.eventId, publication);
    queue.add(publication);
    return publication;
  };

  return {
    publish: async (event, traceparent) => {
      const publication = publications.get(event.eventId) ?? start(event, traceparent);
      return publication === null ? UNKNOWN : awaitOutcome(publication, options.answerTimeoutMs);
    },
    relay: (event) => !publications.has(event.eventId) && start(event, null) !== null,
    waiting: () => publications.size,
    drained: async (timeoutMs) => {
      const deadline = performance.now() + timeoutMs;
      while (publications.size > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

/** A queue whose items go to `handle` in batches of at most `maxBatch`, one batch at a time. */
function createBatchQueue<T>(maxBatch: number, handle: (batch: readonly T[]) => Promise<void>) {
  let queue: T[] = [];
  let busy = false;
  const handleAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, maxBatch);
      queue = queue.slice(maxBatch);
      await handle(batch);
    }
    busy = false;
  };
  return {
    add: (item: T): void => {
      queue.push(item);
      if (busy) return;
      busy = true;
      // Not at once: what else is added in this round of the event loop goes out with it.
      setImmediate(() => void handleAll());
    },
  };
}
