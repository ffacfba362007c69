// The group commit: what waits in this process goes to the log together, after a last look at the Redis
// that decided it. A caller is answered only after its event was acknowledged, no newer epoch was
// found claimed, and Redis has confirmed it.
//
// There is no linger. While one batch is on its way, to its confirmation, the next one gathers: under
// load that makes few and large batches, and what a batch costs everywhere is what limits the speed
// (docs/adr/0002).
import { type Span, SpanKind } from '@opentelemetry/api';
import type { Position } from '../../contracts/position.ts';
import type { CouponEvent } from '../../domain/coupon-events.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { endSpan, startSpan } from '../../platform/tracing.ts';
import type { NewestClaim } from '../gate/newest-claim.ts';
import type { CommandMetrics } from '../metrics.ts';
import type { Confirmation, WriteModel } from '../write-model/write-model.ts';
import type { LogWriter, PreparedEvent } from './log-writer.ts';
import type { LastLook } from './master-check.ts';
import type { SetAside } from './quarantine.ts';
import { writeBatch } from './write-batch.ts';

/**
 * `unknown`: the event may or may not be in the log; asking again gives the one true answer.
 * `refused`: the log does not take it as it is; asking again has it emitted again.
 */
export type Published =
  | { kind: 'confirmed'; position: Position }
  | { kind: 'unknown' }
  | { kind: 'refused' };

export type Publisher = {
  /**
   * Emits and confirms an event, for a caller who is told of it. An event that is on its way in
   * this process already is not sent twice. Resolves as `unknown` after `answerTimeoutMs`; the
   * event goes on its way all the same. One of another epoch than the gate's is `unknown` at once:
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

type PublisherOptions = {
  writer: Pick<LogWriter, 'prepare' | 'write'>;
  newestClaim: NewestClaim;
  lastLook: LastLook;
  writeModel: WriteModel;
  setAside: SetAside;
  answerTimeoutMs: number;
  maxBatch: number;
  metrics: CommandMetrics;
  logger: Logger;
};

type Entry = {
  prepared: PreparedEvent;
  /** Over which it was decided, or found in the outbox. */
  connection: number;
  /** From the queue to the confirmation, in the trace of the request that decided. */
  span: Span | null;
  listeners: Set<(published: Published) => void>;
  /** Redis is being told who is answered: from here on the listeners stay until it replied. */
  confirming: boolean;
};

const UNKNOWN: Published = { kind: 'unknown' };
const REFUSED: Published = { kind: 'refused' };

/** A publisher that sends through `writer`. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { writer, newestClaim, lastLook, writeModel, metrics, logger } = options;
  const entries = new Map<string, Entry>();
  let queue: Entry[] = [];
  let sending = false;

  const enqueue = (event: CouponEvent, traceparent: string | null): Entry | null => {
    const prepared = writer.prepare(event, traceparent);
    if (prepared === null) return null;
    const entry: Entry = {
      prepared,
      connection: lastLook.connection(),
      span: startSpan(`publish ${event.type}`, SpanKind.PRODUCER, traceparent),
      listeners: new Set(),
      confirming: false,
    };
    entries.set(event.eventId, entry);
    queue.push(entry);
    // A turn later: the requests of this turn go out with it.
    if (!sending) {
      sending = true;
      setImmediate(() => void sendAll());
    }
    return entry;
  };

  const sendAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const startedMs = performance.now();
      const next = queue.slice(0, options.maxBatch);
      queue = queue.slice(options.maxBatch);
      const batch = await vouchedFor(next);
      const [first, ...rest] = batch.map(({ prepared }) => prepared);
      if (first === undefined) continue;
      const written = await writeBatch(writer, [first, ...rest]);
      const inLog = new Map<Entry, Position>();
      batch.forEach((entry, index) => {
        const fate = written?.[index];
        if (fate?.kind === 'written') inLog.set(entry, fate.position);
        else if (fate?.kind === 'refused') void refuse(entry, fate.reason);
        else end(entry, UNKNOWN);
      });
      if (inLog.size === 0) continue;
      metrics.acknowledged(inLog.size, (performance.now() - startedMs) / 1_000);
      await finish(inLog);
    }
    sending = false;
  };

  /** Those that were decided where they may be; the others stay in their outbox, if that is still there. */
  const vouchedFor = async (batch: Entry[]): Promise<Entry[]> => {
    const look = await lastLook.look();
    const isVouchedFor = ({ prepared, connection }: Entry): boolean =>
      look?.connection === connection && look.epoch === prepared.event.epoch;
    for (const entry of batch) if (!isVouchedFor(entry)) end(entry, UNKNOWN);
    return batch.filter(isVouchedFor);
  };

  const finish = async (inLog: ReadonlyMap<Entry, Position>): Promise<void> => {
    const confirmed = await confirm([...inLog.keys()]);
    for (const [entry, position] of inLog) {
      const isTrue = confirmed.has(entry.prepared.event.eventId);
      end(entry, isTrue ? { kind: 'confirmed', position } : UNKNOWN);
    }
  };

  const end = ({ prepared, span, listeners }: Entry, published: Published): void => {
    entries.delete(prepared.event.eventId);
    endSpan(span, published.kind === 'confirmed' ? undefined : `outcome ${published.kind}`);
    for (const listener of listeners) listener(published);
  };

  const refuse = async (entry: Entry, reason: string): Promise<void> => {
    try {
      await options.setAside(entry.prepared, reason);
    } catch (error) {
      // It stays in the outbox: the relay brings it here again.
      const { eventId } = entry.prepared.event;
      logger.warn({ eventId, reason: messageOf(error) }, 'a refused event is not set aside yet');
    }
    end(entry, REFUSED);
  };

  /** The ids of the events that are true from now on. Never throws: a failure leaves them unknown. */
  const confirm = async (batch: Entry[]): Promise<Set<string>> => {
    const confirmed = new Set<string>();
    const leaveUnknown = (entries: Entry[], error: unknown): void => {
      logger.warn(
        { events: entries.length, reason: messageOf(error) },
        'events are in the log but not confirmed',
      );
    };
    let claim: number | null;
    try {
      claim = await newestClaim();
    } catch (error) {
      leaveUnknown(batch, error);
      return confirmed;
    }
    const current = batch.filter(({ prepared }) => prepared.event.epoch === claim);
    const groups = Map.groupBy(current, ({ prepared }) => prepared.event.couponId);
    // Each for itself: the others of a batch must not be told "unknown" after Redis counted them as told.
    await Promise.all(
      [...groups].map(async ([couponId, group]) => {
        const confirmation = toConfirmation(couponId, group);
        for (const entry of group) entry.confirming = true;
        try {
          const outcome = await writeModel.confirm(confirmation);
          if (outcome.kind === 'closed') return;
          for (const { prepared } of group) confirmed.add(prepared.event.eventId);
        } catch (error) {
          leaveUnknown(group, error);
        }
      }),
    );
    return confirmed;
  };

  return {
    publish: (event, traceparent) =>
      new Promise((resolve) => {
        const entry = entries.get(event.eventId) ?? enqueue(event, traceparent);
        if (entry === null) return resolve(UNKNOWN);
        const listener = (published: Published): void => {
          clearTimeout(timer);
          resolve(published);
        };
        const timer = setTimeout(() => {
          if (entry.confirming) return;
          entry.listeners.delete(listener);
          resolve(UNKNOWN);
        }, options.answerTimeoutMs);
        entry.listeners.add(listener);
      }),
    relay: (event) => {
      return !entries.has(event.eventId) && enqueue(event, null) !== null;
    },
    waiting: () => entries.size,
    drained: async (timeoutMs) => {
      const deadline = performance.now() + timeoutMs;
      while (entries.size > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

// Who has no listener left (the relay's events, timed-out requests) is not told: those assignments
// are remembered as unanswered, so that their user gets them when asking again.
function toConfirmation(couponId: string, group: Entry[]): Confirmation {
  const idsOf = (entries: Entry[]): string[] =>
    entries.map(({ prepared }) => prepared.event.eventId);
  return {
    couponId,
    epoch: group[0]?.prepared.event.epoch ?? Number.NaN,
    creationId: group.find(({ prepared }) => prepared.event.type === 'CouponCreated')
      ? couponId
      : null,
    answered: idsOf(group.filter(({ listeners }) => listeners.size > 0)),
    untold: idsOf(group.filter(({ listeners }) => listeners.size === 0)),
  };
}
